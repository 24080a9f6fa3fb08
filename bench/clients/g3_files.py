"""Writes and reads .g3 files by so3g and OCS's aggregator: orders {"do": "write"|"record"|..., "dir": ..., "hours": N}."""
import glob
import json
import os
import queue
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
                # OCS's aggregator casts its lists in this way.
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


def record(dir, hours):
    """Messages of 100 rows of two agents in turn into files, by OCS's aggregator; frames of 1000 s."""
    import txaio
    txaio.use_twisted()
    from ocs.agents.aggregator.drivers import Aggregator
    rows, frame = 100, 10_000
    block = {name: VALUES[name][:rows] for name in NAMES[:4]}
    block.update({
        'count': [i % 50 for i in range(rows)],
        'total': [1000000 + i for i in range(rows)],
        'on': [i % 20 < 10 for i in range(rows)],
        'state': ['cooling' if i < 50 else 'regulating' for i in range(rows)],
    })
    messages = queue.Queue()
    aggregator = Aggregator(messages, 3600, dir)
    feeds = [{'address': 'observatory.agent%d.feeds.temperatures' % i, 'session_id': '1', 'agg_params': {}}
             for i in range(FEEDS)]
    for at in range(0, hours * HOUR * HERTZ, rows):
        for feed in feeds:
            times = [START + (at + i) / HERTZ for i in range(rows)]
            messages.put(({'temps': {'block_name': 'temps', 'timestamps': times, 'data': block}}, feed))
            aggregator.process_incoming_data()
        if (at + rows) % frame == 0:
            aggregator.write_to_disk(write_all=True)
    aggregator.close()
    return {'count': hours * HOUR * HERTZ * FEEDS * len(NAMES)}


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


def load(dir, hours):
    """All fields over all times, by name."""
    fields = NAMES[:4] + ['count', 'total', 'on', 'state']
    names = ['observatory.agent%d.feeds.temperatures.%s' % (i, name) for i in range(FEEDS) for name in fields]
    data = load_range(START, START + hours * HOUR, fields=names, data_dir=dir)
    return {'count': sum(len(values) for _, values in data.values())}


def one(dir, hours):
    # Its pre_proc_dir, an index, cannot be written with the spt3g of pip: intervals cannot be pickled.
    middle = START + hours * HOUR / 2
    name = 'observatory.agent1.feeds.temperatures.Channel_3_T'
    data = load_range(middle, middle + hours * HOUR / 100 - 0.05, fields=[name], data_dir=dir)
    return {'count': len(data[name][0])}


print('"ready"', flush=True)
for line in sys.stdin:
    what = json.loads(line)
    begun = time.perf_counter()
    acts = {'write': write, 'record': record, 'read': read, 'load': load, 'one': one, 'span': lambda *args: read(*args, True)}
    result = acts[what['do']](what['dir'], what['hours'])
    print(json.dumps({**result, 'took': time.perf_counter() - begun}), flush=True)
