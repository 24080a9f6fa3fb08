"""
What so3g's load_range finds of counting agents in data directories that are one: `seam.py FOLDER INSTANCE…` prints
{instance: {run: [n, …]}} as JSON. FOLDER holds links to the files of both recorders.
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
        for run, n in zip(read[names[0]][1].tolist(), read[names[1]][1].tolist()):
            of.setdefault(run, []).append(n)
    print(json.dumps(found))


main(*sys.argv[1:])
