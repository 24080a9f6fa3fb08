#!/usr/bin/env python3
"""Compares a data directory with what was sent, bit for bit, as the field's own readers see it.

    check.py DATA_DIR EXPECTED.jsonl

A line of EXPECTED is {"address": …, "field": …, "type": "double"|"int"|"bool"|"string", "t": […], "values": […]}; lines of
one field add up. Times in unix s, compared to 5e-7 s. NaN, Infinity and integers beyond 2^53 are strings, as on the wire.

Where so3g is installed the files are read by HKArchiveScanner and by load_range (all at once, and in windows); where spt3g
is, frame by frame. Prints what was compared, or what differs; exit code 0 when all is equal.
"""
import collections
import glob
import json
import math
import os
import struct
import sys

import numpy as np

try:
    import so3g
    from so3g.hk import HKArchiveScanner, load_range
except ImportError:
    so3g = None
from spt3g import core

TIME_TOLERANCE = 5e-7
WINDOWS = 12
KINDS = {"f": "double", "i": "int", "b": "bool", "U": "string"}
CLASSES = {"G3VectorDouble": "double", "G3VectorInt": "int", "G3VectorBool": "bool", "G3VectorString": "string"}

Series = collections.namedtuple("Series", "type t values")


def from_wire(kind, value):
    if kind == "double":
        return math.nan if value is None else float(value)
    return int(value) if kind == "int" else value


def bits(kind, value):
    if kind == "double":
        # Payloads of NaN do not travel; all are one.
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    if kind == "string":
        # numpy's strings end before trailing NULs.
        return str(value).rstrip("\0")
    return bool(value) if kind == "bool" else int(value)


def sorted_series(kind, t, values):
    order = np.argsort(np.asarray(t, dtype=float), kind="stable")
    return Series(kind, [float(t[i]) for i in order], [bits(kind, values[i]) for i in order])


def read_expected(path):
    lines = collections.defaultdict(lambda: [None, [], []])
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            series = lines[f"{row['address']}.{row['field']}"]
            series[0] = row["type"]
            series[1] += row["t"]
            series[2] += [from_wire(row["type"], value) for value in row["values"]]
    return {name: sorted_series(*series) for name, series in lines.items()}


def read_scanner(files):
    scanner = HKArchiveScanner()
    for file in files:
        scanner.process_file(file)
    archive = scanner.finalize()
    fields = list(archive.get_fields()[0])
    data, timelines = archive.get_data(fields)
    return {field: (line["t"], data[field]) for line in timelines.values() for field in line["fields"]}


def read_frames(files):
    """Every block of every file, and the rules of the housekeeping schema on the way."""
    found = collections.defaultdict(lambda: [None, [], []])
    for file in files:
        names = {}
        frames = list(core.G3File(file))
        kinds = [frame["hkagg_type"] for frame in frames]
        if kinds[:2] != [0, 1]:
            raise ValueError(f"{file} begins with frames {kinds[:2]}, not with session and status")
        for frame, kind in zip(frames, kinds):
            if frame["session_id"] != frames[0]["session_id"]:
                raise ValueError(f"{file} holds two sessions")
            if kind == 1:
                names = {p["prov_id"].value: p["description"].value for p in frame["providers"]}
            if kind != 2:
                continue
            prefix = names[frame["prov_id"]]
            blocks = frame["blocks"]
            if len(blocks) != len(frame["block_names"]):
                raise ValueError(f"{file}: {len(blocks)} blocks, {len(frame['block_names'])} names")
            for block in blocks:
                t = [time.time / core.G3Units.s for time in block.times]
                if not t:
                    raise ValueError(f"{file}: an empty block")
                for field in block.keys():
                    series = found[f"{prefix}.{field}"]
                    kind_of = CLASSES[type(block[field]).__name__]
                    if series[0] not in (None, kind_of):
                        raise ValueError(f"{prefix}.{field} is {series[0]} and {kind_of}")
                    series[0] = kind_of
                    series[1] += t
                    series[2] += list(block[field])
    return found


def as_series(found):
    """so3g's (times, array) by field."""
    return {
        field: sorted_series(KINDS[np.asarray(values).dtype.kind], t, [v.item() for v in np.asarray(values)])
        for field, (t, values) in found.items()
        if len(t) > 0
    }


def differences(expected, got):
    for field in sorted(expected.keys() | got.keys()):
        if field not in got:
            yield f"{field}: absent, {len(expected[field].t)} samples were sent"
        elif field not in expected:
            yield f"{field}: {len(got[field].t)} samples that nobody sent"
        else:
            why = difference(expected[field], got[field])
            if why:
                yield f"{field}: {why}"


def difference(a, b):
    if a.type != b.type:
        return f"is {b.type}, was sent as {a.type}"
    if len(a.t) != len(b.t):
        extra = collections.Counter(b.values) - collections.Counter(a.values)
        return f"{len(b.t)} samples, {len(a.t)} were sent ({sum(extra.values())} too many or changed)"
    start = 0
    for i in range(len(a.t)):
        if abs(a.t[i] - b.t[i]) > TIME_TOLERANCE:
            return f"sample {i} is at {b.t[i]!r}, was sent at {a.t[i]!r}"
        last = i + 1 == len(a.t) or a.t[i + 1] - a.t[i] > 2 * TIME_TOLERANCE
        if last:
            # Samples of one time may come in any order.
            sent, got = a.values[start : i + 1], b.values[start : i + 1]
            if sent != got and collections.Counter(sent) != collections.Counter(got):
                return f"at {a.t[i]!r}: {got}, sent was {sent}"
            start = i + 1
    return None


def cut(series, start, stop):
    keep = [i for i, t in enumerate(series.t) if start <= t < stop]
    return Series(series.type, [series.t[i] for i in keep], [series.values[i] for i in keep])


def overlapping(files):
    """Fields of feeds whose epochs overlap in time: so3g returns them whole, but not cut to a window."""
    spans = collections.defaultdict(lambda: collections.defaultdict(lambda: [math.inf, -math.inf]))
    for file in files:
        for frame in core.G3File(file):
            if "blocks" in frame:
                for block in frame["blocks"]:
                    t = [time.time for time in block.times]
                    for field in block.keys():
                        span = spans[f"{frame['address']}.{field}"][frame["prov_id"]]
                        span[:] = [min(span[0], t[0]), max(span[1], t[-1])]
    def overlap(of):
        ordered = sorted(of.values())
        return any(b[0] <= a[1] for a, b in zip(ordered, ordered[1:]))
    return {field for field, of in spans.items() if overlap(of)}


def main(directory, expected_file):
    files = sorted(glob.glob(os.path.join(directory, "[0-9]*", "*.g3")))
    expected = read_expected(expected_file)
    faults = []

    def compare(what, wanted, read):
        try:
            faults.extend(f"{what}: {text}" for text in differences(wanted, read()))
        except Exception as error:  # pylint: disable=broad-except
            faults.append(f"{what}: {type(error).__name__}: {error}")

    if so3g:
        compare("HKArchiveScanner", expected, lambda: as_series(read_scanner(files)))
        times = [t for series in expected.values() for t in (series.t[0], series.t[-1])]
        first, last = min(times), max(times)
        compare(
            "load_range", expected, lambda: as_series(load_range(first - 1, last + 1, data_dir=directory))
        )
        edges = np.linspace(first, last + 1e-3, WINDOWS + 1).round(4)
        skip = overlapping(files)
        for start, stop in zip(edges, edges[1:]):
            wanted = {field: cut(s, start, stop) for field, s in expected.items() if field not in skip}
            wanted = {field: s for field, s in wanted.items() if s.t}
            def read(start=float(start), stop=float(stop)):
                found = as_series(load_range(start, stop, data_dir=directory))
                # so3g's windows include their end.
                return {f: c for f, s in found.items() if f not in skip for c in [cut(s, start, stop)] if c.t}
            compare(f"load_range {start}…{stop}", wanted, read)
    else:
        compare(
            "spt3g", expected, lambda: {field: sorted_series(*series) for field, series in read_frames(files).items()}
        )
    for fault in faults[:20]:
        print(fault)
    if faults:
        print(f"{len(faults)} differences in {directory}")
        return 1
    samples = sum(len(series.t) for series in expected.values())
    reader = f"so3g {so3g.__version__}" if so3g else f"spt3g {core.__version__ if hasattr(core, '__version__') else ''}"
    print(f"OK {reader.strip()}: {len(expected)} fields, {samples} values in {len(files)} files")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    core.set_log_level(core.G3LogLevel.LOG_FATAL)
    sys.exit(main(sys.argv[1], sys.argv[2]))
