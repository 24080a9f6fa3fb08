"""
Reads two data directories by so3g and prints what differs of feeds, blocks, fields, types, times and values, or how much is
the same: `same_archive.py ONE OTHER ADDRESS…`.
"""
import glob
import math
import os
import sys

from so3g.hk import load_range
from spt3g import core


def blocks_of(folder, address):
    """{block: {'t': [...], field: (type, [...])}} of the frames of one feed, in the order of files."""
    found, providers = {}, {}
    for name in sorted(glob.glob(os.path.join(folder, '*', '*.g3'))):
        for frame in core.G3File(name):
            if frame.type != core.G3FrameType.Housekeeping:
                continue
            if frame['hkagg_type'] == 1:
                providers.update({p['prov_id'].value: p['description'].value for p in frame['providers']})
            if frame['hkagg_type'] != 2 or providers.get(frame['prov_id']) != address:
                continue
            for block_name, block in zip(frame['block_names'], frame['blocks']):
                kept = found.setdefault(block_name, {})
                kept.setdefault('t', []).extend(float(t.time) / core.G3Units.s for t in block.times)
                for field in block.keys():
                    kind, values = kept.setdefault(field, (type(block[field]).__name__, []))
                    assert kind == type(block[field]).__name__, (field, kind)
                    values.extend(block[field])
    return found


def same_times(one, other):
    """OCS multiplies to ticks of 10 ns in double precision, in steps of 32; ours are the nearest. Two steps of each are 0.64 µs."""
    return len(one) == len(other) and all(abs(a - b) < 6.4e-7 for a, b in zip(one, other))


def same(one, other):
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


def main(one, other, *addresses):
    values = 0
    for address in addresses:
        ours, theirs = blocks_of(one, address), blocks_of(other, address)
        assert ours and ours.keys() == theirs.keys(), (address, ours.keys(), theirs.keys())
        for name in ours:
            assert ours[name].keys() == theirs[name].keys(), (name, ours[name].keys(), theirs[name].keys())
            assert same_times(ours[name]['t'], theirs[name]['t']), (name, ours[name]['t'][:3], theirs[name]['t'][:3])
            for field in ours[name]:
                if field == 't':
                    continue
                (kind, a), (wanted, b) = ours[name][field], theirs[name][field]
                assert kind == wanted, (field, kind, wanted)
                assert len(a) == len(b) and all(map(same, a, b)), (field, a[:5], b[:5])
                values += len(a)
    # As people read it.
    both = [load_range(0, 2**32, fields=None, data_dir=folder) for folder in (one, other)]
    wanted = [{name: list(t) for name, (t, _) in read.items() if name.split('.feeds.')[0] + '.feeds.' +
               name.split('.feeds.')[1].split('.')[0] in addresses} for read in both]
    assert wanted[0] and wanted[0].keys() == wanted[1].keys(), [sorted(read) for read in wanted]
    for name, times in wanted[0].items():
        assert same_times(times, wanted[1][name]), name
    print(f'the same: {values} values of {len(wanted[0])} fields')


main(*sys.argv[1:])
