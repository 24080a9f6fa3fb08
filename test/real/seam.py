"""
What so3g's load_range finds of counting agents in data directories that are one: `seam.py FOLDER INSTANCE…` prints
{instance: {run: [[n, time], …]}} as JSON, each once. FOLDER holds links to the files of both recorders.
"""
import json
import sys

from so3g.hk import load_range


def main(folder, *instances):
    found = {}
    for instance in instances:
        names = [f'observatory.{instance}.feeds.counts.{field}' for field in ('run', 'n')]
        read = load_range(0, 2**32, fields=names, data_dir=folder)
        of = found.setdefault(instance, {})
        times, runs = read[names[0]]
        for at, run, n in zip(times.tolist(), runs.tolist(), read[names[1]][1].tolist()):
            of.setdefault(run, {})[n] = at
    print(json.dumps({name: {run: sorted(rows.items()) for run, rows in of.items()} for name, of in found.items()}))


main(*sys.argv[1:])
