"""The two ends of the pipe to the runtime, and rows that it has not answered yet."""
import collections
import json
import os
import sys
import threading

from .counts import Counts

#: Rows that wait for their answer at most; what comes while there are as many is lost, and counted.
MOST_ROWS = 100_000


def take_streams():
    """
    Takes stdin and stdout for the pipe, before anything can print or read.

    What the agent prints goes to stderr, and children of its own inherit neither end.
    Returns (lines in, lines out), text files.
    """
    into, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # What it prints is for a log: it never fails for a letter.
    sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False, encoding='utf-8', errors='backslashreplace')
    return (os.fdopen(into, encoding='utf-8', newline='\n'),
            os.fdopen(out, 'w', encoding='utf-8', newline='\n'))


class Pipe:
    """
    Writes lines from a thread of its own, so that a runtime that reads slowly never blocks the agent.

    out: text file to the runtime.  left: path of a file that takes rows which were never answered; the next start hands
    them over first.
    """

    def __init__(self, out, left):
        self._out = out
        self._left = left
        self._lock = threading.Condition()
        self._lines = collections.deque()
        self._rows = collections.OrderedDict()
        self._number = 0
        self._last_left = 0
        self._refused = 0
        self._broken = False
        self._counts = Counts(left + '.count' if left else None)
        threading.Thread(target=self._write, daemon=True).start()

    def send(self, **message):
        """Queues one message."""
        self._queue(json.dumps(message, allow_nan=False))

    def hand_over(self, **row):
        """Queues one row of a feed, and keeps it until it is answered."""
        with self._lock:
            if self._broken:
                return
            if len(self._rows) >= MOST_ROWS:
                self._refused += 1
                self._counts.refused(self._refused)
                return
            self._number += 1
            line = json.dumps(dict(row, row=self._number), allow_nan=False)
            self._rows[self._number] = line
            self._counts.numbered(self._number)
            self._lines.append(line)
            self._lock.notify()

    def before(self):
        """
        What the process before this one is not known to have handed over, for the runtime: {pid, rows, safe, refused}, its
        last number and up to which they are safe; None when it has ended in order. Counting begins anew with it.
        """
        before = self._counts.before
        self._counts.begin()
        if before is None:
            return None
        pid, numbered, answered, left, refused = before
        safe = max(answered, left if self._left and os.path.exists(self._left) else 0)
        return {'pid': pid, 'rows': numbered, 'safe': min(safe, numbered), 'refused': refused}

    def hand_over_left(self):
        """Queues the rows that an earlier process could not hand over."""
        if not self._left or not os.path.exists(self._left):
            return
        with open(self._left, encoding='utf-8') as file:
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # Its process died while it wrote it.
                self.hand_over(**dict(row, again=True))
        self._last_left = self._number
        self._counts.left(self._number)

    @property
    def waits(self):
        """Whether a row is not answered yet."""
        return bool(self._rows)

    def answered(self, number):
        """Rows up to this number are in the runtime's spool."""
        with self._lock:
            if self._broken:
                return
            while self._rows and next(iter(self._rows)) <= number:
                self._rows.popitem(last=False)
            self._counts.answered(number)
            if number >= self._last_left > 0:
                self._last_left = 0
                os.remove(self._left)

    def close(self):
        """Leaves what was never answered for the next start. Returns how many rows that are."""
        with self._lock:
            self._broken = True
            rows = list(self._rows.values())
            self._rows.clear()
            number, self._number = self._number, 0
            if rows and self._left:
                with open(self._left + '.new', 'w', encoding='utf-8') as file:
                    file.writelines(line + '\n' for line in rows)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(self._left + '.new', self._left)
            if number:
                self._counts.answered(number)
            return len(rows)

    def _queue(self, line):
        with self._lock:
            # Rows among them have been numbered: what goes, goes before it waits.
            if self._broken or len(self._lines) > 2 * MOST_ROWS:
                return
            self._lines.append(line)
            self._lock.notify()

    def _write(self):
        while True:
            with self._lock:
                while not self._lines:
                    self._lock.wait()
                lines, self._lines = self._lines, collections.deque()
                refused = self._refused
            if refused:
                lines.append(json.dumps({'lost': refused}))
            try:
                self._out.write('\n'.join(lines) + '\n')
                self._out.flush()
                if refused:
                    with self._lock:
                        self._refused -= refused
                        self._counts.refused(self._refused)
            except (OSError, ValueError):
                # The runtime is gone: whoever reads its requests sees to the end.
                return
