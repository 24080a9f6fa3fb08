"""How many rows a process has handed over, stored so that they survive its own death."""
import fcntl
import mmap
import os
import struct

#: The process, rows it has numbered, rows answered, rows left by an earlier process, rows for which it had
#: no room.
_WORDS = struct.Struct('=5Q')


class Counts:
    """
    A memory-mapped page of a file: what is written to it stays when the process is killed, and needs no call
    to the disk.

    path: of the file, or None, in which case nothing is kept. Waits until the previous process has ended: an
    orphan may still be writing the rows that it leaves.
    """

    def __init__(self, path):
        self._words = None
        #: For the previous process: (pid, numbered, answered, left, refused), or None if it left nothing
        #: open.
        self.before = None
        if not path:
            return
        # Open as long as the process runs, which holds the lock; forks do not have it.
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_size == _WORDS.size:
            before = _WORDS.unpack(os.pread(handle, _WORDS.size, 0))
            self.before = before if before[1] > before[2] or before[4] else None
        os.ftruncate(handle, _WORDS.size)
        self._words = memoryview(mmap.mmap(handle, _WORDS.size)).cast('Q')

    def begin(self):
        """Starts counting for this process."""
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
        """This many rows had no room, and the runtime has not been told yet."""
        self._set_one(4, count)

    def _set(self, *values):
        for at, value in enumerate(values):
            self._set_one(at, value)

    def _set_one(self, at, value):
        if self._words is not None:
            self._words[at] = value
