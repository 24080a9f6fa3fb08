"""Evaluates Graphite targets by graphite-web over series that it is given, for comparison.

Reads JSON on standard input: {"from": s, "until": s, "series": {name: {"step": s, "values": [[time, value or null], ...]}},
"targets": [...]}; writes [{"target", "start", "step", "values"}, ...] for each target.
"""
import json
import os
import sys
from datetime import datetime, timezone
from fnmatch import fnmatch

os.environ['DJANGO_SETTINGS_MODULE'] = 'graphite.settings'
os.environ['GRAPHITE_SETTINGS_MODULE'] = 'plain_settings'
sys.modules['plain_settings'] = type(sys)('plain_settings')
sys.modules['plain_settings'].__dict__.update(SECRET_KEY='none', LOG_DIR='/tmp', DATABASES={}, LOGGING_CONFIG=None)

import django  # noqa: E402

django.setup()
from graphite.render import evaluator  # noqa: E402
from graphite.render.datalib import TimeSeries  # noqa: E402

given = json.load(sys.stdin)


def fetch(context, pattern):
    start, end = (int(context[key].timestamp()) for key in ('startTime', 'endTime'))
    for name, series in given['series'].items():
        if not fnmatch(name, pattern):
            continue
        step, values = series['step'], dict(series['values'])
        first = start - start % step + (step if start % step else 0)
        times = range(first, end + 1, step)
        yield TimeSeries(name, first, first + step * len(times), step, [values.get(t) for t in times])


evaluator.prefetchData = lambda context, paths: None
evaluator.fetchData = lambda context, pattern: list(fetch(context, pattern))


def at(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc)


answer = []
for target in given['targets']:
    context = {
        'startTime': at(given['from']),
        'endTime': at(given['until']),
        'now': at(given['until']),
        'tzinfo': timezone.utc,
        'data': [],
        'prefetch': {},
        'xFilesFactor': 0,
        'localOnly': True,
    }
    answer.append([
        {'target': line.name, 'start': line.start, 'step': line.step, 'values': list(line)}
        for line in evaluator.evaluateTarget(context, target)
    ])
json.dump(answer, sys.stdout)
