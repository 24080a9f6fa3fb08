"""The two ends of the pipe to the runtime, and the rows that it has not answered yet."""
import collections
import json
import os
import select
import sys
import threading

from .counts import Counts

#: Maximum rows that wait for their answer; further ones are lost, and counted.
MOST_ROWS = 100_000
#: Maximum other lines that wait to be written.
MOST_LINES = 10_000


def take_streams():
    """
    Takes stdin and stdout for the pipe, before anything can print or read.

    What the agent prints goes to stderr, and its own children inherit neither end.
    Returns (lines in, a text file; file for lines out).
    """
    into, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # Printed text is for a log: it never fails because of a character.
    sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False, encoding='utf-8', errors='backslashreplace')
    return os.fdopen(into, encoding='utf-8', newline='\n'), os.fdopen(out, 'wb')


class Pipe:
    """
    Writes lines: immediately while the runtime reads them, else from a separate thread, so that a slow reader
    never blocks the agent.

    out: file to the runtime.  left: path of a file for rows that were never answered; the next start hands
    them over first.
    """

    def __init__(self, out, left):
        self._out = out
        os.set_blocking(out.fileno(), False)
        self._left = left
        self._lock = threading.Condition()
        #: Written by the thread, in this order: the end of an unfinished line, rows, everything else.
        self._begun = b''
        self._late_rows, self._late = collections.deque(), collections.deque()
        self._thread = None
        self._rows = collections.OrderedDict()
        self._number = 0
        self._last_left = 0
        self._refused = 0
        self._broken = False
        self._counts = Counts(left + '.count' if left else None)

    def send(self, **message):
        """Sends one message; later rows may arrive before it."""
        self.send_lines(json.dumps(message, allow_nan=False))

    def declare(self, **message):
        """Sends one message that later rows need: it arrives before them."""
        with self._lock:
            if not self._broken:
                self._write(self._late_rows, json.dumps(message, allow_nan=False))

    def send_lines(self, *lines):
        """Sends messages that are JSON already, all at once."""
        with self._lock:
            if lines and not self._broken and len(self._late) < MOST_LINES:
                self._write(self._late, *lines)

    def hand_over(self, **row):
        """Sends one row of a feed, and keeps it until it is answered."""
        with self._lock:
            if self._broken:
                return
            if len(self._rows) >= MOST_ROWS:
                self._refused += 1
                self._counts.refused(self._refused)
                return
            self._number += 1
            # Its number comes first, so that the runtime finds it even in a line that it cannot parse.
            row.pop('row', None)
            line = json.dumps({'row': self._number, **row}, allow_nan=False)
            self._rows[self._number] = line
            self._counts.numbered(self._number)
            self._write(self._late_rows, line)

    def before(self):
        """
        The rows that the previous process may not have handed over, for the runtime: {pid, rows, safe,
        refused}, its last number and up to which they are safe; None if it ended in order. Restarts counting.
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
    def is_slow(self):
        """Whether the runtime does not read everything that is sent."""
        return bool(self._begun or self._late_rows or self._late)

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
        """Leaves unanswered rows for the next start. Returns their number."""
        with self._lock:
            self._broken = True
            rows = list(self._rows.values())
            self._rows.clear()
            number, self._number = self._number, 0
            if rows and self._left:
                with open(self._left + '.new', 'w', encoding='utf-8') as file:
                    file.writelines(row + '\n' for row in rows)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(self._left + '.new', self._left)
            if number:
                self._counts.answered(number)
            return len(rows)

    def _write(self, late, *lines):
        """Writes lines, or makes them wait in `late`."""
        if self.is_slow:
            late.extend(lines)
        else:
            text = ('\n'.join(lines) + '\n').encode()
            text = text[self._take(text):]
            # One by one: rows overtake lines that are not begun.
            begun, _, rest = text.partition(b'\n')
            self._begun = begun + b'\n' if text else b''
            late.extend(rest.decode().splitlines())
        if self.is_slow:
            self._see_to_late()
        self._tell_refused()

    def _take(self, text):
        """How many of its bytes the runtime accepts now."""
        try:
            return os.write(self._out.fileno(), text)
        except BlockingIOError:
            return 0
        except (OSError, ValueError):
            # The runtime is gone: the reader of its requests handles the end.
            return len(text)

    def _tell_refused(self):
        if not self._refused or self.is_slow:
            return
        line = json.dumps({'lost': self._refused}).encode() + b'\n'
        taken = self._take(line)
        if taken:
            self._refused = 0
            self._counts.refused(0)
            self._begun = line[taken:]
        if taken < len(line):
            self._see_to_late()

    def _see_to_late(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_late, daemon=True)
            self._thread.start()
        self._lock.notify()

    def _write_late(self):
        room = select.poll()
        room.register(self._out, select.POLLOUT)
        while True:
            with self._lock:
                while not self.is_slow and not self._refused:
                    self._lock.wait()
            room.poll()
            with self._lock:
                self._write_on()
                self._tell_refused()

    def _write_on(self):
        """Writes waiting lines, as far as the runtime accepts them."""
        while self.is_slow:
            text = self._begun or (self._late_rows or self._late).popleft().encode() + b'\n'
            self._begun = text[self._take(text):]
            if self._begun:
                return
