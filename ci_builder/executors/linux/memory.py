"""Another process's memory: /proc/PID/mem (proc_pid_mem(5)).

process_vm_readv(2) keeps to the pages' protection, but takes twice as long, and older default profiles of
docker refuse it.
"""

from __future__ import annotations

import errno
import os
from typing import Generic, TypeVar

Note = TypeVar("Note")

_MOST = 1 << 16


class Memory(Generic[Note]):
    """The memory of the process that was looked into last is kept open, for most calls come from the same one
    as the call before: ``descriptor`` is that of the thread ``task``. It reads nothing more once the process
    has ended.

    ``read_of`` is the thread that was read from last; whoever sets it to -1 is told so by the next read
    that finds the memory alive. ``note`` is somebody's about that process; it is None again for another one,
    and for another program."""

    def __init__(self) -> None:
        self.task = self.descriptor = self.read_of = -1
        self.note: Note | None = None

    def read(self, task: int, address: int, size: int) -> bytes:
        """At most ``size`` bytes (65,536 at once) from ``address`` on; fewer where its memory ends.
        Raises OSError (EFAULT, EIO, ESRCH)."""
        if task != self.task:
            self._open(task)
        size = size if size < _MOST else _MOST
        try:
            data = os.pread(self.descriptor, size, address)
            if not data:
                # The memory of another thread that had the same number before.
                self._open(task)
                data = os.pread(self.descriptor, size, address)
        except OverflowError as error:
            raise _error(errno.EFAULT) from error
        if data:
            self.read_of = task
        return data

    def write(self, task: int, address: int, data: bytes) -> None:
        """Put ``data`` there. Raises OSError (EFAULT, EIO, ESRCH); a part may have been written then."""
        if task != self.task:
            self._open(task)
        try:
            written = os.pwrite(self.descriptor, data, address)
            if not written and data:
                # As in read.
                self._open(task)
                written = os.pwrite(self.descriptor, data, address)
        except OverflowError as error:
            raise _error(errno.EFAULT) from error
        if written != len(data):
            raise _error(errno.EFAULT)

    def forget(self) -> None:
        """A thread has executed something: its memory is another one."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.task = self.descriptor = self.read_of = -1
        self.note = None

    def _open(self, task: int) -> None:
        self.forget()
        self.descriptor = os.open(b"/proc/%d/mem" % task, os.O_RDWR | os.O_CLOEXEC)
        self.task = task


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
