"""Writes and reads .g3 files by so3g: orders {"do": "write"|"read"|"one", "dir": ..., "hours": N}."""
import glob
import json
import os
import sys
import time

import numpy as np
from so3g import hk
from so3g.hk import load_range
from spt3g import core

START, HOUR, FRAME, HERTZ, FEEDS = 1700006400, 3600, 60, 10, 2
NAMES = ['Channel_%d_T' % (i + 1) for i in range(8)]
VALUES = {name: [4 + at + i / 1000 for i in range(FRAME * HERTZ)] for at, name in enumerate(NAMES)}


def write(dir, hours):
    total = 0
    for hour in range(hours):
        begin = START + hour * HOUR
        os.makedirs(os.path.join(dir, str(begin)[:5]), exist_ok=True)
        path = os.path.join(dir, str(begin)[:5], '%d.g3' % begin)
        session = hk.HKSessionHelper(session_id=begin, start_time=begin, hkagg_version=2)
        providers = [session.add_provider('observatory.agent%d.feeds.temperatures' % i) for i in range(FEEDS)]
        writer = core.G3Writer(path)
        writer.Process(session.session_frame())
        writer.Process(session.status_frame(begin))
        for at in range(begin, begin + HOUR, FRAME):
            times = [at + i / HERTZ for i in range(FRAME * HERTZ)]
            for feed, provider in enumerate(providers):
                frame = session.data_frame(provider, times[-1])
                frame['address'] = 'observatory.agent%d.feeds.temperatures' % feed
                block = core.G3TimesampleMap()
                # As the aggregator of OCS casts its lists.
                block.times = core.G3VectorTime(np.array(times) * core.G3Units.s)
                for name, values in VALUES.items():
                    block[name] = core.G3VectorDouble(values)
                frame['blocks'].append(block)
                frame['block_names'].append('temps')
                writer.Process(frame)
        writer.Process(core.G3Frame(core.G3FrameType.EndProcessing))
        del writer
        total += os.path.getsize(path)
    return {'count': total}


def read(dir, hours, span=False):
    count, total, times = 0, 0.0, []
    for path in sorted(glob.glob(os.path.join(dir, '*', '*.g3'))):
        for frame in core.G3File(path):
            if frame.type != core.G3FrameType.Housekeeping or 'blocks' not in frame:
                continue
            for block in frame['blocks']:
                if span:
                    times += [t.time / core.G3Units.s for t in (block.times[0], block.times[-1])]
                for name in block.keys():
                    values = np.asarray(block[name])
                    count += len(values)
                    total += float(values[0])
    return {'count': count, 'sum': total, 'span': max(times) - min(times) if times else 0}


def one(dir, hours):
    # Its pre_proc_dir, an index, cannot be written by the spt3g that pip has: no pickling of intervals.
    middle = START + hours * HOUR / 2
    name = 'observatory.agent1.feeds.temperatures.Channel_3_T'
    data = load_range(middle, middle + hours * HOUR / 100 - 0.05, fields=[name], data_dir=dir)
    return {'count': len(data[name][0])}


print('"ready"', flush=True)
for line in sys.stdin:
    what = json.loads(line)
    begun = time.perf_counter()
    result = {'write': write, 'read': read, 'one': one, 'span': lambda *args: read(*args, True)}[what['do']](what['dir'], what['hours'])
    print(json.dumps({**result, 'took': time.perf_counter() - begun}), flush=True)
