"""Another process's memory: process_vm_readv(2) and process_vm_writev(2).

Unlike /proc/PID/mem these keep to the pages' protection, as the kernel does for a system call's pointers.
"""

from __future__ import annotations

import ctypes
import os

from ci_builder.executors.linux.calls import library

_MOST = 1 << 16


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_BUFFER = ctypes.create_string_buffer(_MOST)
_HERE, _THERE = _Part(ctypes.addressof(_BUFFER), 0), _Part(0, 0)
_ARGUMENTS = (
    ctypes.byref(_HERE),
    ctypes.c_ulong(1),
    ctypes.byref(_THERE),
    ctypes.c_ulong(1),
    ctypes.c_ulong(0),
)
_TWO = (_Part * 2)()
_TO_TWO = (ctypes.byref(_HERE), ctypes.c_ulong(1), ctypes.byref(_TWO), ctypes.c_ulong(2), ctypes.c_ulong(0))
_readv, _writev = library().process_vm_readv, library().process_vm_writev
_readv.restype = _writev.restype = ctypes.c_ssize_t


def read(task: int, address: int, size: int) -> bytes:
    """At most ``size`` bytes (65,536 at once) from ``address`` on; fewer where its memory ends.
    Raises OSError (EFAULT, ESRCH)."""
    _HERE.length = _THERE.length = size if size < _MOST else _MOST
    _THERE.base = address
    count = _readv(task, *_ARGUMENTS)
    if count < 0:
        raise _error()
    return ctypes.string_at(_BUFFER, count)


def write(task: int, address: int, data: bytes) -> None:
    """Put ``data`` there. Raises OSError (EFAULT, ESRCH); a part may have been written then."""
    for start in range(0, len(data), _MOST):
        part = data[start : start + _MOST]
        ctypes.memmove(_BUFFER, part, len(part))
        _HERE.length = _THERE.length = len(part)
        _THERE.base = address + start
        count = _writev(task, *_ARGUMENTS)
        if count < 0:
            raise _error()
        if count != len(part):
            raise OSError(14, os.strerror(14))


def write_two(task: int, first: tuple[int, bytes], second: tuple[int, bytes]) -> None:
    """Put two short pieces of data at their addresses, in one call. Raises OSError (EFAULT, ESRCH)."""
    lengths = len(first[1]), len(second[1])
    both = first[1] + second[1]
    ctypes.memmove(_BUFFER, both, len(both))
    _HERE.length = len(both)
    for part, (address, _), length in zip(_TWO, (first, second), lengths, strict=True):
        part.base, part.length = address, length
    if _writev(task, *_TO_TWO) != len(both):
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
