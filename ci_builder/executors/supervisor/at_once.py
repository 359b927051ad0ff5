"""The commonest calls, answered by the shortest way: stat and open of what is in an open directory, of a
descriptor, and of what was opened before.

Half of an answer's time is Python's, so each of these is one function that calls little but the kernel. It
does what the call's handler would do (status.py, opening.py) where that is plain: permissions hold the caller
back from nothing, no link is followed, nothing is mounted there. Everything else, and what fails, it
leaves to the handler, untouched.
"""

from __future__ import annotations

import ctypes
import os
import stat as stat_module
from collections.abc import Callable, Mapping

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.linux.listener import Received
from ci_builder.executors.supervisor.call import Call
from ci_builder.executors.supervisor.context import DAC_OVERRIDE, Context
from ci_builder.executors.supervisor.found import Found, key_of
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.status import tell

_ARCHITECTURE = of_this_machine()
_NEWFSTATAT = _ARCHITECTURE.calls["newfstatat"]
_FORMAT = _ARCHITECTURE.stat_mode + 1  # the byte of st_mode that has the file's type in its upper half
_LINK = stat_module.S_IFLNK >> 12
_CURRENT = -100
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_MOST_DESCRIPTORS = 1 << 31  # from here on the 32 bits are a negative number
_HERE = _CURRENT & 0xFFFFFFFF
_TEXT = 256
_TMPFILE = 0o20000000
_NOT_TO_READ = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_PATH | _TMPFILE
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW
_IGNORES_PERMISSIONS = 1 << DAC_OVERRIDE
_BUFFER = ctypes.create_string_buffer(_ARCHITECTURE.stat_size)
_syscall = quick_library().syscall

AtOnce = Callable[[Kernel, Received], bool]
"""Whether the call was answered; else nothing was done. Raises OSError: the call fails so."""


def _newfstatat(kernel: Kernel, received: Received) -> bool:
    folder, pointer, into, flags, _, _ = received[3]
    if flags & ~(_NO_FOLLOW | _EMPTY_PATH):
        return False
    return _status(kernel, received, (folder & 0xFFFFFFFF, pointer), (flags, into))


def _stat(kernel: Kernel, received: Received) -> bool:
    pointer, into, *_ = received[3]
    return _status(kernel, received, (_HERE, pointer), (0, into))


def _lstat(kernel: Kernel, received: Received) -> bool:
    pointer, into, *_ = received[3]
    return _status(kernel, received, (_HERE, pointer), (_NO_FOLLOW, into))


def _fstat(kernel: Kernel, received: Received) -> bool:
    descriptor, into, *_ = received[3]
    return _of_descriptor(kernel, received, descriptor & 0xFFFFFFFF, into)


def _status(kernel: Kernel, received: Received, where: tuple[int, int], how: tuple[int, int]) -> bool:
    _, task, _, _ = received
    folder, pointer = where
    flags, into = how
    memory = kernel.memory
    try:
        name, zero, _ = memory.read(task, pointer, _TEXT).partition(b"\0")
        if not name and flags & _EMPTY_PATH:
            return _of_descriptor(kernel, received, folder, into)
        if not zero or not name or b"/" in name or name == b"..":
            return False
        context = memory.note if isinstance(memory.note, Context) else kernel.contexts.of(task)
    except OSError:
        return False
    if not context.effective & _IGNORES_PERMISSIONS:
        return False
    if folder < _MOST_DESCRIPTORS:
        path = b"/proc/%d/fd/%d/%b" % (task, folder, name)
    elif folder == _HERE:
        path = b"/proc/%d/cwd/%b" % (task, name)
    else:
        return False
    if _syscall(_NEWFSTATAT, _CURRENT, path, _BUFFER, _NO_FOLLOW) < 0:
        return False
    raw = _BUFFER.raw
    key = key_of(raw)
    if key in kernel.view.covered or key[0] in kernel.foreign_devices:
        return False
    if not flags & _NO_FOLLOW and raw[_FORMAT] >> 4 == _LINK:
        return False
    return _answer(kernel, received, raw, into)


def _of_descriptor(kernel: Kernel, received: Received, descriptor: int, into: int) -> bool:
    path = b"/proc/%d/fd/%d" % (received[1], descriptor)
    if descriptor >= _MOST_DESCRIPTORS or _syscall(_NEWFSTATAT, _CURRENT, path, _BUFFER, 0) < 0:
        return False
    return _answer(kernel, received, _BUFFER.raw, into)


def _answer(kernel: Kernel, received: Received, raw: bytes, into: int) -> bool:
    told = kernel.told.data(raw)
    if told is None:
        tell(kernel, Call(received, kernel.memory), Found(-1, None, raw), into)
    else:
        try:
            kernel.memory.write(received[1], into, told)
        except OSError:
            return False
    kernel.listener.answer(received[0], 0)
    return True


def _openat(kernel: Kernel, received: Received) -> bool:
    folder, pointer, flags, *_ = received[3]
    return not flags & _NOT_TO_READ and _opened(kernel, received, (folder & 0xFFFFFFFF, pointer), flags)


def _open(kernel: Kernel, received: Received) -> bool:
    pointer, flags, *_ = received[3]
    return not flags & _NOT_TO_READ and _opened(kernel, received, (_HERE, pointer), flags)


def _opened(kernel: Kernel, received: Received, where: tuple[int, int], flags: int) -> bool:
    cookie, task, _, _ = received
    folder, pointer = where
    memory = kernel.memory
    try:
        data = memory.read(task, pointer, _TEXT)
        context = memory.note if isinstance(memory.note, Context) else kernel.contexts.of(task)
        if not context.effective & _IGNORES_PERMISSIONS:
            return False
        path, zero, _ = data.partition(b"\0")
        if not zero:
            return False
        if flags & _FOLDER == _FOLDER:
            descriptor = _folder(kernel, task, (folder, path), flags & 0xFFFFFFFF)
        elif not context.root and not flags & ~os.O_CLOEXEC:
            descriptor = _again(kernel, path)
        else:
            return False
    except OSError:
        return False
    if descriptor < 0:
        return False
    try:
        kernel.listener.give((cookie, task), descriptor, bool(flags & os.O_CLOEXEC))
    finally:
        os.close(descriptor)
    return True


def _folder(kernel: Kernel, task: int, where: tuple[int, bytes], flags: int) -> int:
    """A directory in an open one, no link followed; -1: the handler has to tell. Raises OSError."""
    folder, name = where
    if not name or b"/" in name or name == b".." or folder >= _MOST_DESCRIPTORS:
        return -1
    descriptor = os.open(b"/proc/%d/fd/%d/%b" % (task, folder, name), flags | os.O_CLOEXEC)
    if _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) == 0:
        key = key_of(_BUFFER.raw)
        if key not in kernel.view.covered and key[0] not in kernel.foreign_devices:
            return descriptor
    os.close(descriptor)
    return -1


def _again(kernel: Kernel, path: bytes) -> int:
    """A path that was opened before, to be read, without a second look; -1: the handler has to tell."""
    opened = kernel.lookup.open_again(path)
    if opened is None:
        return -1
    descriptor, key = opened
    record = kernel.owners.records.get(key)
    if record is None or record.device is None:
        return descriptor
    os.close(descriptor)
    return -1


AT_ONCE: Mapping[str, AtOnce] = {
    "stat": _stat,
    "lstat": _lstat,
    "newfstatat": _newfstatat,
    "fstat": _fstat,
    "openat": _openat,
    "open": _open,
}
