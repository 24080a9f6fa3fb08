#!/usr/bin/env python3
"""Prints what the .g3 files of data directories hold, as spt3g reads them: a line [ADDRESS, [TIMES], {FIELD: [VALUES]}] a
block; times in unix s."""
import glob
import json
import math
import os
import sys

from spt3g import core


def main(directories):
    for directory in directories:
        for file in sorted(glob.glob(os.path.join(directory, "[0-9]*", "*.g3"))):
            for frame in core.G3File(file):
                if frame.get("hkagg_type") != 2:
                    continue
                for block in frame["blocks"]:
                    times = [time.time / core.G3Units.s for time in block.times]
                    columns = {field: [number(value) for value in block[field]] for field in block.keys()}
                    print(json.dumps([frame["address"], times, columns]))


def number(value):
    """A value as JSON has it; NaN is none, nor is a text."""
    return None if isinstance(value, str) or math.isnan(float(value)) else float(value)


if __name__ == "__main__":
    core.set_log_level(core.G3LogLevel.LOG_FATAL)
    main(sys.argv[1:])
