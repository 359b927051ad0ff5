"""Another process's memory, in one of two ways.

process_vm_readv(2) is the quicker one, and keeps to the pages' protection as the kernel does for a system
call's pointers; older default profiles of docker refuse it. /proc/PID/mem is always there.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Protocol

from ci_builder.executors.linux.calls import library

_MOST = 1 << 16


class Memory(Protocol):
    """The memory of other processes."""

    def read(self, task: int, address: int, size: int) -> bytes:
        """At most ``size`` bytes (65,536 at once) from ``address`` on; fewer where its memory ends.
        Raises OSError (EFAULT, ESRCH)."""

    def write(self, task: int, address: int, data: bytes) -> None:
        """Put ``data`` there. Raises OSError (EFAULT, ESRCH); a part may have been written then."""

    def forget(self) -> None:
        """A thread has executed something: its memory is another one."""


def memory_access() -> Memory:
    """The quickest way that is permitted here."""
    try:
        DirectMemory().read(os.getpid(), ctypes.addressof(ctypes.create_string_buffer(1)), 1)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
        return FileMemory()
    return DirectMemory()


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class DirectMemory:
    """See Memory: by process_vm_readv and process_vm_writev."""

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(_MOST)
        self._here, self._there = _Part(ctypes.addressof(self._buffer), 0), _Part(0, 0)
        one, no_flags = ctypes.c_ulong(1), ctypes.c_ulong(0)
        self._arguments = (ctypes.byref(self._here), one, ctypes.byref(self._there), one, no_flags)
        self._readv, self._writev = library().process_vm_readv, library().process_vm_writev
        self._readv.restype = self._writev.restype = ctypes.c_ssize_t

    def read(self, task: int, address: int, size: int) -> bytes:
        """See Memory."""
        self._here.length = self._there.length = size if size < _MOST else _MOST
        self._there.base = address
        count = self._readv(task, *self._arguments)
        if count < 0:
            raise _error(ctypes.get_errno())
        return ctypes.string_at(self._buffer, count)

    def write(self, task: int, address: int, data: bytes) -> None:
        """See Memory."""
        for start in range(0, len(data), _MOST):
            part = data[start : start + _MOST]
            ctypes.memmove(self._buffer, part, len(part))
            self._here.length = self._there.length = len(part)
            self._there.base = address + start
            if self._writev(task, *self._arguments) != len(part):
                raise _error(ctypes.get_errno() or errno.EFAULT)

    def forget(self) -> None:
        """See Memory."""


class FileMemory:
    """See Memory: by /proc/PID/mem, kept open for the thread that was looked into last, for most calls come
    from the same one as the call before."""

    def __init__(self) -> None:
        self._task = self._descriptor = -1

    def read(self, task: int, address: int, size: int) -> bytes:
        """See Memory."""
        size = size if size < _MOST else _MOST
        try:
            data = os.pread(self._of(task), size, address)
            if not data:
                # The memory of another thread that had the same number before.
                self.forget()
                data = os.pread(self._of(task), size, address)
        except OverflowError as error:
            raise _error(errno.EFAULT) from error
        return data

    def write(self, task: int, address: int, data: bytes) -> None:
        """See Memory."""
        try:
            written = os.pwrite(self._of(task), data, address)
        except OverflowError as error:
            raise _error(errno.EFAULT) from error
        if written != len(data):
            raise _error(errno.EFAULT)

    def forget(self) -> None:
        """See Memory."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._task = self._descriptor = -1

    def _of(self, task: int) -> int:
        if task != self._task:
            self.forget()
            self._descriptor = os.open(b"/proc/%d/mem" % task, os.O_RDWR | os.O_CLOEXEC)
            self._task = task
        return self._descriptor


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
