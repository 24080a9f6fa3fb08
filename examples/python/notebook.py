"""A notebook's cells on the demo lab (npm start): the last quarter of an hour by the minute, then what comes now."""

import sys
from itertools import islice

from ocs_lab import Lab

lab = Lab(*sys.argv[1:])

# %% Means over a minute of all temperatures, a column a channel; gaps are gaps.
frame = lab.data('ls240.*_T', '-15min', every='60s')
print(frame.describe())

# %% All samples of one channel as they were taken.
samples = lab.data('ls240.Channel_1_T', '-1min')
print(f'{len(samples)} samples, the newest {samples.index[-1]:%H:%M:%S}')

# %% Live: ten readings as they come.
for reading in islice(lab.follow('ls240.Channel_1_T'), 10):
    print(f'{reading.time:%H:%M:%S.%f}  {reading.name}  {reading.value:.3f} K')
