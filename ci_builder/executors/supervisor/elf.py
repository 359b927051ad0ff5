"""Programs' file format, as far as starting them goes (elf(5))."""

from __future__ import annotations

import errno
import os
import struct

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.supervisor.call import failure
from ci_builder.values import dataclass

_HEADER = struct.Struct("<4sBB10xHHI8xQ14xHH")
_ENTRY = struct.Struct("<IIQQQQQQ")
_CLASS_64, _LITTLE = 2, 1
_INTERPRETER = 3  # PT_INTERP
_MACHINES = {"x86_64": 62, "aarch64": 183}
_MAX_NAME = 4096


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What a dynamic program says of its loader: ``path``, and where its entry in the table of program
    headers is (``entry``, bytes from the file's start)."""

    path: bytes
    entry: int


def interpreter(descriptor: int, architecture: Architecture) -> Interpreter | None:
    """The loader that an open program asks for, None for a static one. Raises OSError (ENOEXEC) for what
    is no program of this architecture."""
    head = os.pread(descriptor, 64, 0)
    if len(head) < 64:
        raise failure(errno.ENOEXEC)
    magic, size, order, _, machine, _, table, entry_size, count = _HEADER.unpack_from(head)
    if magic != b"\x7fELF" or size != _CLASS_64 or order != _LITTLE:
        raise failure(errno.ENOEXEC)
    if machine != _MACHINES[architecture.name] or entry_size != _ENTRY.size:
        raise failure(errno.ENOEXEC)
    entries = os.pread(descriptor, entry_size * count, table)
    for number in range(len(entries) // entry_size):
        kind, _, offset, _, _, length, *_ = _ENTRY.unpack_from(entries, number * entry_size)
        if kind == _INTERPRETER:
            if not 2 <= length <= _MAX_NAME:
                raise failure(errno.ENOEXEC)
            path = os.pread(descriptor, length, offset).split(b"\0")[0]
            return Interpreter(path, table + number * entry_size)
    return None


def with_interpreter(copy: int, found: Interpreter, path: bytes) -> None:
    """Have the program open as ``copy`` (a copy of the one that ``found`` is of) ask for the loader ``path``.

    The new name goes to the end of the file: nothing moves. Where the program finds the old one in its own
    memory is left as it was, so that the loader still calls itself by it. Raises OSError.
    """
    name = path + b"\0"
    end = os.fstat(copy).st_size
    os.pwrite(copy, name, end)
    kind, flags, _, virtual, physical, _, _, align = _ENTRY.unpack(os.pread(copy, _ENTRY.size, found.entry))
    changed = _ENTRY.pack(kind, flags, end, virtual, physical, len(name), len(name), align)
    os.pwrite(copy, changed, found.entry)
