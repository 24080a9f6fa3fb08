#!/usr/bin/env python3
"""Prints what the .g3 files of a data directory hold, as spt3g reads them: a line [ADDRESS, FIELD, [VALUES]] a column."""
import glob
import json
import math
import os
import sys

from spt3g import core


def main(directory):
    for file in sorted(glob.glob(os.path.join(directory, "[0-9]*", "*.g3"))):
        for frame in core.G3File(file):
            if frame.get("hkagg_type") != 2:
                continue
            for block in frame["blocks"]:
                for field in block.keys():
                    values = [None if math.isnan(value) else value for value in map(float, block[field])]
                    print(json.dumps([frame["address"], field, values]))


if __name__ == "__main__":
    core.set_log_level(core.G3LogLevel.LOG_FATAL)
    main(sys.argv[1])
