"""How the cryostat cooled down, from what was recorded: python cooldown.py [RECORDINGS]. Takes so3g.

The same as cells of a notebook, where the curves are drawn with matplotlib:

    import cooldown
    for name, (times, values) in cooldown.load('recordings').items():
        plt.plot(times - times[0], values, label=name)
"""

import sys
import time

import numpy as np
from so3g.hk import load_range

FIELDS = {
    'plate': 'observatory.ls240.feeds.temperatures.Channel_1_T',
    'flow': 'observatory.cooling-water.feeds.water.flow',
    'outlet': 'observatory.cooling-water.feeds.water.outlet',
    'inlet': 'observatory.cooling-water.feeds.water.inlet',
    'pressure': 'observatory.compressor.feeds.ptc_status.Delta_Pressure_Average',
}


def load(folder, start=0, stop=None):
    """Times, unix s, and values of each of FIELDS that was recorded between two times."""
    data = load_range(
        start, stop or time.time() + 60, fields=list(FIELDS.values()), alias=list(FIELDS), data_dir=folder
    )
    return {name: (np.asarray(t), np.asarray(v)) for name, (t, v) in data.items() if len(t)}


def rate(times, values):
    """The slope of the straight line that fits best, per hour."""
    return 3600 * np.polyfit(times - times[0], values, 1)[0]


def heat(data):
    """What the water carries away, W: 4186 J for a litre and a degree."""
    times, flow = data['flow']
    rise = data['outlet'][1].mean() - data['inlet'][1].mean()
    return 4186 * flow.mean() / 60 * rise


if __name__ == '__main__':
    data = load(*sys.argv[1:2] or ['recordings'])
    for name, (times, values) in data.items():
        print(f'{name:8}  {len(times):6} samples over {times[-1] - times[0]:.0f} s, last {values[-1]:.3f}')
    print(f'plate: {rate(*data["plate"]):.2f} K/h')
    print(f'water: {heat(data) / 1000:.1f} kW')
