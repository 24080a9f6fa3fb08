"""Readings of a lab for notebooks: data frames of its past, and what comes now, by the bridge of ocs. Python 3.9.

    from ocs_lab import Lab

    lab = Lab()                                     # or Lab('https://grumpy.lab:5000', ca='ca.pem')
    frame = lab.data('ls240.*', '-1d', every='60s')
    for reading in lab.follow('ls240.*'):
        print(reading.time, reading.name, reading.value)

A pattern is `instance.field` or `instance.feed.field` with `*` and `?`, or a metric as the bridge has it (`LSA21OQ::Channel_1_T`). What
a data node has live and what an archive has of it are one.
"""

from __future__ import annotations

import base64
import csv
import fnmatch
import io
import json
import math
import netrc
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

BRIDGE = 'http://127.0.0.1:5000'
#: Maximum points of a metric and rows in the bridge's answer, and maximum metrics of a request.
MOST_POINTS, MOST_ROWS, MOST_METRICS = 20_000, 200_000, 200
#: Milliseconds below which a span is not divided further, and milliseconds requested again in live mode,
#: for late samples.
LEAST_MS, LATE_MS = 10, 10_000


class LabError(RuntimeError):
    """The bridge cannot be reached or has no such data; the message says what to do."""


class Reading(NamedTuple):
    """One sample: its time (UTC), its field, and its value."""

    time: datetime
    name: str
    value: Any


class Lab:
    """
    A lab, through its bridge.

    url: the address of the bridge.  ca: a file with the authority of its certificate, if that is the hub's
    own.  timeout: seconds that an answer may take. Credentials are in ~/.netrc, if the bridge requires them
    (`ocs login` writes them).
    """

    def __init__(self, url: str = BRIDGE, ca: str | None = None, timeout: float = 30.0) -> None:
        self.url, self._timeout = url.rstrip('/'), timeout
        self._ssl = ssl.create_default_context(cafile=ca) if ca else None

    def metrics(self) -> list[dict[str, Any]]:
        """
        Everything that can be requested: metric, unit, description, and the source
        (root.instance.feeds.feed.field) of each.
        """
        return json.loads(self._get('/api/metrics')[0])

    def data(self, pattern: str, start: Any = '-1h', end: Any = 'now', every: str | None = None) -> Any:
        """
        A pandas.DataFrame of all samples, one column per field, by time (UTC).

        start, end: '-1d', 'now', ISO 8601, a datetime, or unix seconds.  every: means over this duration
        ('60s'), in the syntax of pandas.DataFrame.resample; without it each sample is a row.
        Raises LabError if nothing fits the pattern, the bridge is away, or pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise LabError("a data frame takes pandas: pip install 'ocs-child[notebook]'") from error
        names = self._named(pattern)
        first, last = _milliseconds(start), _milliseconds(end)
        metrics, columns = list(names), {}
        samples: dict[str, dict[float, Any]] = {metric: {} for metric in metrics}
        for at in range(0, len(metrics), MOST_METRICS):
            for table in self._all(metrics[at:at + MOST_METRICS], first, last):
                for stamp, metric, value in _samples(table):
                    samples[metric].setdefault(stamp, value)
        for metric, name in names.items():
            times = pandas.to_datetime(list(samples[metric]), unit='ms', utc=True)
            columns[name] = pandas.Series(list(samples[metric].values()), index=times)
        frame = pandas.DataFrame(columns).sort_index()
        frame.index.name = 'time'
        return frame if every is None or frame.empty else frame.resample(every).mean(numeric_only=True)

    def follow(self, pattern: str, interval: float = 1.0) -> Iterator[Reading]:
        """
        Samples as they come, for ever: those of each field from now on, in order.

        interval: seconds between two requests. A bridge that goes away is asked again.
        """
        names = self._named(pattern)
        newest = {metric: time.time() * 1000 for metric in names}
        while True:
            metrics = list(names)
            try:
                span = min(newest.values()) - LATE_MS, time.time() * 1000 + LATE_MS
                found = [sample for at in range(0, len(metrics), MOST_METRICS)
                         for sample in _samples(self._table(metrics[at:at + MOST_METRICS], *span)[0])]
            except _Away:
                found = []
            for stamp, metric, value in sorted(found, key=lambda sample: sample[0]):
                if stamp > newest[metric]:
                    newest[metric] = stamp
                    yield Reading(datetime.fromtimestamp(stamp / 1000, timezone.utc), names[metric], value)
            time.sleep(interval)

    def _named(self, pattern: str) -> dict[str, str]:
        """The metrics that match a pattern, each with the name of its column."""
        known = self.metrics()
        if '::' in pattern:
            found = {entry['metric']: entry['metric'] for entry in known
                     if fnmatch.fnmatchcase(entry['metric'], pattern)}
        else:
            short: dict[str, list[tuple[str, str]]] = {}
            for entry in known:
                parts = (entry.get('source') or '').split('.', 4)
                if len(parts) < 5:
                    continue
                _, instance, _, feed, field = parts
                if any(fnmatch.fnmatchcase(name, pattern) for name in (f'{instance}.{field}', f'{instance}.{feed}.{field}')):
                    short.setdefault(f'{instance}.{field}', []).append((entry['metric'], f'{instance}.{feed}.{field}'))
            found = {metric: name if len(of) == 1 else long for name, of in short.items() for metric, long in of}
        if not found:
            some = ', '.join(sorted({entry.get('source') or entry['metric'] for entry in known})[:5]) or 'none at all'
            raise LabError(f'nothing at {self.url} fits {pattern!r} (there are: {some}, …)')
        return found

    def _all(self, metrics: list[str], first: float, last: float) -> Iterator[list[list[str]]]:
        """
        Tables with all samples of metrics in a span, in order: a span with more samples than an answer holds
        is halved.
        """
        table, is_thinned = self._table(metrics, first, last)
        begin, end = (float(table[1][0]), float(table[-1][0])) if len(table) > 1 else (first, first)
        if not is_thinned or end - begin <= LEAST_MS:
            yield table
            return
        # The middle of the returned samples, so that either half has some. Times are rounded to ms.
        middle = (begin + end) // 2
        yield from self._all(metrics, first, middle + 1)
        yield from self._all(metrics, middle, last)

    def _table(self, metrics: list[str], first: float, last: float) -> tuple[list[list[str]], bool]:
        """
        One answer: a line of names, then a line for each time (unix ms); and whether there are more samples
        than it holds.
        """
        most = min(MOST_POINTS, MOST_ROWS // len(metrics))
        query = [('metric', metric) for metric in metrics]
        query += [('from', str(math.floor(first))), ('to', str(math.ceil(last))), ('max_points', str(most)),
                  ('wide', '1'), ('format', 'csv')]
        text, is_thinned = self._get('/api/data?' + urlencode(query))
        return list(csv.reader(io.StringIO(text))), is_thinned

    def _get(self, path: str) -> tuple[str, bool]:
        """The text of an answer, and whether samples were left out of it."""
        request = urllib.request.Request(self.url + path, headers=_authorization(self.url))
        try:
            with urllib.request.urlopen(request, timeout=self._timeout, context=self._ssl) as answer:
                return answer.read().decode(), 'x-ocs-thinned' in answer.headers
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors='replace')
            try:
                text = json.loads(text)['error']
            except (ValueError, KeyError, TypeError):
                pass
            raise LabError(f'{self.url}: {text[:500]}') from error
        except OSError as error:
            raise _Away(f'no bridge at {self.url}: {error}. Is "ocs bridge" running there?') from error


class _Away(LabError):
    """The bridge cannot be reached."""


def _authorization(url: str) -> dict[str, str]:
    """The credentials in ~/.netrc for the bridge; sent only over TLS and on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ''
    if parts.scheme != 'https' and host not in ('localhost', '::1') and not host.startswith('127.'):
        return {}
    try:
        known = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        known = None
    if not known:
        return {}
    shown = base64.b64encode(f'{known[0]}:{known[2]}'.encode()).decode()
    return {'Authorization': f'Basic {shown}'}


def _milliseconds(when: Any) -> float:
    """Unix ms of '-1d', 'now', ISO 8601 (UTC if there is no zone), a datetime, or unix seconds."""
    units = {'s': 1, 'm': 60, 'min': 60, 'h': 3600, 'd': 86_400, 'w': 7 * 86_400}
    if isinstance(when, datetime):
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp() * 1000
    if isinstance(when, (int, float)):
        return when * 1000
    text = str(when).strip()
    if text == 'now':
        return time.time() * 1000
    number = text[1:].rstrip('smhdwin')
    unit = text[1 + len(number):]
    if text[:1] == '-' and unit in units:
        try:
            return (time.time() - float(number) * units[unit]) * 1000
        except ValueError:
            pass
    try:
        return _milliseconds(datetime.fromisoformat(text.replace('Z', '+00:00')))
    except ValueError as error:
        raise LabError(f'{when!r} is no time: write -1d, now or 2026-11-23T08:00:00Z') from error


def _samples(table: list[list[str]]) -> Iterator[tuple[float, str, Any]]:
    """Time (unix ms), metric and value of samples."""
    (_, *metrics), *rows = table
    for stamp, *cells in rows:
        for metric, cell in zip(metrics, cells):
            if cell != '':
                yield float(stamp), metric, _value(cell)


def _value(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return {'true': True, 'false': False}.get(cell, cell)
