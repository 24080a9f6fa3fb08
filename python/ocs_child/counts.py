"""How many rows a process has handed over, kept where its own death does not reach."""
import fcntl
import mmap
import os
import struct

#: The process, rows it has numbered, those answered, those that an earlier process left, those it had no room for.
_WORDS = struct.Struct('=5Q')


class Counts:
    """
    A page of a file in memory: what is written to it stays when the process is killed, and costs no call to the disk.

    path: of the file, or None: nothing is kept then. Waits until the process before this one has ended: an orphan may still
    be writing the rows that it leaves.
    """

    def __init__(self, path):
        self._words = None
        #: Of the process before this one: (pid, numbered, answered, left, refused), or None where it left nothing open.
        self.before = None
        if not path:
            return
        # Open as long as the process is, and the lock with it; forks do not have it.
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_size == _WORDS.size:
            before = _WORDS.unpack(os.pread(handle, _WORDS.size, 0))
            self.before = before if before[1] > before[2] or before[4] else None
        os.ftruncate(handle, _WORDS.size)
        self._words = memoryview(mmap.mmap(handle, _WORDS.size)).cast('Q')

    def begin(self):
        """From now on it counts this process."""
        self._set(os.getpid(), 0, 0, 0, 0)

    def numbered(self, number):
        """Rows up to this number have been handed over."""
        self._set_one(1, number)

    def answered(self, number):
        """Rows up to this number are safe: in the runtime's spool, or in the file for the next start."""
        self._set_one(2, number)

    def left(self, number):
        """Rows up to this number are in the file of an earlier process as well."""
        self._set_one(3, number)

    def refused(self, count):
        """So many rows had no room, and the runtime has not been told yet."""
        self._set_one(4, count)

    def _set(self, *values):
        for at, value in enumerate(values):
            self._set_one(at, value)

    def _set_one(self, at, value):
        if self._words is not None:
            self._words[at] = value
