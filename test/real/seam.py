"""
What so3g's load_range finds of counting agents in data directories that are one: `seam.py FOLDER INSTANCE…` prints
{instance: {run: [[n, time], …]}} as JSON, each once. FOLDER holds links to the files of both recorders.
"""
import json
import sys

from so3g.hk import load_range


def main(folder, *instances):
    found = {}
    named = {name: [f'observatory.{name}.feeds.counts.{field}' for field in ('run', 'n')] for name in instances}
    # All at once: it reads every file for each call.
    read = load_range(0, 2**32, fields=[field for fields in named.values() for field in fields], data_dir=folder)
    for instance, (run, number) in named.items():
        of = found.setdefault(instance, {})
        times, runs = read[run]
        for at, which, n in zip(times.tolist(), runs.tolist(), read[number][1].tolist()):
            of.setdefault(which, {})[n] = at
    print(json.dumps({name: {run: sorted(rows.items()) for run, rows in of.items()} for name, of in found.items()}))


main(*sys.argv[1:])
