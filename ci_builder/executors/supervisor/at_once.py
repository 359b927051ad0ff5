"""The commonest calls, answered by the shortest way: stat and open of absolute paths, of what is in an open
directory and of a descriptor, readlink of absolute paths, access of what is missing, exec of what was
executed before.

Half of an answer's time is Python's, so each of these is one function that calls little but the kernel. It
does what the call's handler would do (status.py, opening.py) where that is plain: permissions hold the caller
back from nothing, no link is followed, nothing is mounted there. Everything else, and what fails, it
leaves to the handler, untouched.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
from collections.abc import Callable, Mapping

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.linux.listener import Received
from ci_builder.executors.supervisor.call import Call
from ci_builder.executors.supervisor.context import DAC_OVERRIDE, Context
from ci_builder.executors.supervisor.execution import execute_again
from ci_builder.executors.supervisor.found import Found, key_of
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.lookup import CURRENT, ELSEWHERE
from ci_builder.executors.supervisor.opening import KNOWN, TMPFILE
from ci_builder.executors.supervisor.status import tell
from ci_builder.rootfs.record import Key

_ARCHITECTURE = of_this_machine()
_NEWFSTATAT = _ARCHITECTURE.calls["newfstatat"]
_FORMAT = _ARCHITECTURE.stat_mode + 1  # the byte of st_mode that has the file's type in its upper half
_LINK, _REGULAR, _DIRECTORY = (
    kind >> 12 for kind in (stat_module.S_IFLNK, stat_module.S_IFREG, stat_module.S_IFDIR)
)
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_FOLLOW = -1
_HERE = CURRENT & 0xFFFFFFFF
_TEXT = 256
_NOT_TO_READ = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_PATH | TMPFILE
_AS_BEFORE = os.O_CLOEXEC | os.O_NOCTTY | _ARCHITECTURE.large_file  # nobody sees them in the open file
_TO_READ = _AS_BEFORE | os.O_NONBLOCK | os.O_DIRECTORY
_TOO_LARGE = 1 << 31  # no int
_NOT_OF_ACCESS = 0xFFFFFFFF & ~7
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW
_IGNORES_PERMISSIONS = 1 << DAC_OVERRIDE
_BUFFER = ctypes.create_string_buffer(_ARCHITECTURE.stat_size)
_syscall = quick_library().syscall

AtOnce = Callable[[Kernel, Received], bool]
"""Whether the call was answered; else nothing was done. Raises OSError: the call fails so."""


def _stat(kernel: Kernel, received: Received) -> bool:
    cookie, task, number, pointer, into, *_ = received
    return _newfstatat(kernel, (cookie, task, number, _HERE, pointer, into, 0, 0, 0))


def _lstat(kernel: Kernel, received: Received) -> bool:
    cookie, task, number, pointer, into, *_ = received
    return _newfstatat(kernel, (cookie, task, number, _HERE, pointer, into, _NO_FOLLOW, 0, 0))


def _fstat(kernel: Kernel, received: Received) -> bool:
    _, task, _, descriptor, into, *_ = received
    return _stat_at(kernel, received, (b"/proc/%d/fd/%d" % (task, descriptor & 0xFFFFFFFF), into), 0)


def _newfstatat(kernel: Kernel, received: Received) -> bool:
    _, task, _, folder, pointer, into, flags, _, _ = received
    memory = kernel.memory
    try:
        name, zero, _ = memory.read(task, pointer, _TEXT).partition(b"\0")
    except OSError:
        return False
    folder &= 0xFFFFFFFF
    if not name:
        return flags == _EMPTY_PATH and _stat_at(
            kernel, received, (b"/proc/%d/fd/%d" % (task, folder), into), 0
        )
    context = memory.note
    if not isinstance(context, Context) or not context.effective & _IGNORES_PERMISSIONS:
        return False
    if not zero or b"/" in name or name == b".." or flags & ~_NO_FOLLOW:
        if not zero or not name.startswith(b"/") or flags & ~_NO_FOLLOW or context.root:
            return False
        return _stat_of_path(kernel, received, (name, into), follow=not flags)
    start = b"/proc/%d/cwd/" % task if folder == _HERE else b"/proc/%d/fd/%d/" % (task, folder)
    return _stat_at(kernel, received, (start + name, into), flags or _FOLLOW)


def _stat_at(kernel: Kernel, received: Received, what: tuple[bytes, int], how: int) -> bool:
    """``how`` is 0 for the very file of a descriptor; for a name whether the call follows it."""
    path, into = what
    if _syscall(_NEWFSTATAT, CURRENT, path, _BUFFER, how and _NO_FOLLOW) < 0:
        return False
    raw = _BUFFER.raw
    if how:
        # What _lies_under and _tell do; a walk through a tree is little else than this.
        key = key_of(raw)
        if key in kernel.view.covered or key[0] in kernel.foreign_devices:
            return False
        if how == _FOLLOW and raw[_FORMAT] >> 4 == _LINK:
            return False
    told = kernel.told.data(raw)
    if told is None:
        return _tell(kernel, received, raw, into)
    try:
        kernel.memory.write(received[1], into, told)
    except OSError:
        return False
    kernel.listener.answer(received[0], 0)
    return True


def _stat_of_path(kernel: Kernel, received: Received, what: tuple[bytes, int], *, follow: bool) -> bool:
    """Of an absolute path."""
    path, into = what
    raw = _raw_of_path(kernel, received, path, follow=follow)
    return raw is not None and (not raw or _tell(kernel, received, raw, into))


def _raw_of_path(kernel: Kernel, received: Received, path: bytes, *, follow: bool) -> bytes | None:
    """The struct stat of an absolute path; empty: it leads nowhere, which was answered; None: the handler
    has to tell."""
    descriptor = kernel.lookup.at_once(path, follow=follow)
    if descriptor < 0:
        if descriptor == ELSEWHERE:
            return None
        kernel.listener.fail(received[0], -descriptor)
        return b""
    failed = _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) < 0
    os.close(descriptor)
    raw = _BUFFER.raw
    return None if failed or _lies_under(kernel, raw) else raw


def _lies_under(kernel: Kernel, raw: bytes) -> bool:
    """Whether something else is mounted there, or it is not the image's."""
    key = key_of(raw)
    return key in kernel.view.covered or key[0] in kernel.foreign_devices


def _tell(kernel: Kernel, received: Received, raw: bytes, into: int) -> bool:
    told = kernel.told.data(raw)
    if told is None:
        kernel.contexts.forget()
        tell(kernel, Call(received, kernel.memory), Found(-1, None, raw), into)
    else:
        try:
            kernel.memory.write(received[1], into, told)
        except OSError:
            return False
    kernel.listener.answer(received[0], 0)
    return True


def _readlink(kernel: Kernel, received: Received) -> bool:
    """Of an absolute path, which mostly is no link: that is how a compiler makes paths real."""
    cookie, task, _, pointer, _, size, *_ = received
    memory, lookup = kernel.memory, kernel.lookup
    try:
        path, zero, _ = memory.read(task, pointer, _TEXT).partition(b"\0")
    except OSError:
        return False
    context = memory.note
    if not zero or not 0 < size < _TOO_LARGE or not isinstance(context, Context) or context.root:
        return False
    if not context.effective & _IGNORES_PERMISSIONS or not path.startswith(b"/"):
        return False
    if not lookup.is_no_link(path):
        raw = _raw_of_path(kernel, received, path, follow=False)
        if not raw:
            return raw is not None
        if raw[_FORMAT] >> 4 == _LINK:
            return False
        lookup.no_link(path)
    kernel.listener.fail(cookie, errno.EINVAL)
    return True


def _open(kernel: Kernel, received: Received) -> bool:
    cookie, task, number, pointer, flags, *_ = received
    return _openat(kernel, (cookie, task, number, _HERE, pointer, flags, 0, 0, 0))


def _openat(kernel: Kernel, received: Received) -> bool:
    cookie, task, _, folder, pointer, flags, *_ = received
    if flags & _NOT_TO_READ:
        return False
    memory = kernel.memory
    try:
        path, zero, _ = memory.read(task, pointer, _TEXT).partition(b"\0")
        context = memory.note
        if not zero or not isinstance(context, Context) or not context.effective & _IGNORES_PERMISSIONS:
            return False
        if path.startswith(b"/"):
            descriptor = _by_path(kernel, path, flags & KNOWN) if not context.root else ELSEWHERE
        elif flags & _FOLDER == _FOLDER:
            descriptor = _folder(kernel, task, (folder & 0xFFFFFFFF, path), flags & KNOWN)
        else:
            return False
    except OSError:
        return False
    if descriptor < 0:
        if descriptor == ELSEWHERE:
            return False
        kernel.listener.fail(cookie, -descriptor)
        return True
    try:
        kernel.listener.give((cookie, task), descriptor, bool(flags & os.O_CLOEXEC))
    finally:
        os.close(descriptor)
    return True


def _by_path(kernel: Kernel, path: bytes, flags: int) -> int:
    """A directory or regular file, to be read, that an absolute path leads to; a negative errno, or
    ELSEWHERE: the handler has to tell. Raises OSError: it has to as well."""
    if flags & ~_AS_BEFORE:
        if flags & ~_TO_READ:
            return ELSEWHERE
    else:
        descriptor = _again(kernel, path)
        if descriptor >= 0:
            return descriptor
    found = kernel.lookup.at_once(path, follow=True)
    if found < 0:
        return found
    try:
        if _syscall(_NEWFSTATAT, found, b"", _BUFFER, _EMPTY_PATH) < 0:
            return ELSEWHERE
        raw = _BUFFER.raw
        if _lies_under(kernel, raw):
            return ELSEWHERE
        kind = raw[_FORMAT] >> 4
        if kind == _REGULAR and not flags & os.O_DIRECTORY and not _is_device(kernel, key_of(raw)):
            kernel.lookup.opened(path)
        elif kind != _DIRECTORY:
            return ELSEWHERE
        return os.open(b"/proc/self/fd/%d" % found, flags | os.O_CLOEXEC)
    finally:
        os.close(found)


def _is_device(kernel: Kernel, key: Key) -> bool:
    """Whether a regular file stands for a device."""
    record = kernel.owners.records.get(key)
    return record is not None and record.device is not None


def _folder(kernel: Kernel, task: int, where: tuple[int, bytes], flags: int) -> int:
    """A directory in an open one, no link followed; ELSEWHERE: the handler has to tell. Raises OSError."""
    folder, name = where
    if not name or b"/" in name or name == b"..":
        return ELSEWHERE
    descriptor = os.open(b"/proc/%d/fd/%d/%b" % (task, folder, name), flags | os.O_CLOEXEC)
    failed = _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) < 0
    if not failed and not _lies_under(kernel, _BUFFER.raw):
        return descriptor
    os.close(descriptor)
    return ELSEWHERE


def _again(kernel: Kernel, path: bytes) -> int:
    """A path that was opened before, to be read, without a second look; -1: the handler has to tell."""
    opened = kernel.lookup.open_again(path)
    if opened is None:
        return -1
    descriptor, key = opened
    if not _is_device(kernel, key):
        return descriptor
    os.close(descriptor)
    return -1


def _access(kernel: Kernel, received: Received) -> bool:
    """Of what is known to be missing: every program asks for /etc/ld.so.preload."""
    memory = kernel.memory
    try:
        path, zero, _ = memory.read(received[1], received[3], _TEXT).partition(b"\0")
    except OSError:
        return False
    context = memory.note
    if not zero or received[4] & _NOT_OF_ACCESS or not isinstance(context, Context):
        return False
    if not context.is_real or not kernel.lookup.is_missing(context, path):
        return False
    kernel.listener.fail(received[0], errno.ENOENT)
    return True


AT_ONCE: Mapping[str, AtOnce] = {
    "stat": _stat,
    "lstat": _lstat,
    "newfstatat": _newfstatat,
    "fstat": _fstat,
    "openat": _openat,
    "open": _open,
    "execve": execute_again,
    "access": _access,
    "readlink": _readlink,
}
