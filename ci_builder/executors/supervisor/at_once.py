"""The commonest calls, answered by the shortest way: stat and open of absolute paths, of what is in an open
directory and of a descriptor, readlink of absolute paths, access of what is missing.

Half of an answer's time is Python's, so each of these is one method that calls little but the kernel. It
does what the call's handler would do (status.py, opening.py) where that is plain: permissions hold the caller
back from nothing, no link is followed, nothing is mounted there. Everything else, and what fails, it
leaves to the handler, untouched.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
from collections.abc import Callable
from os import pread, pwrite

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.linux.listener import Received
from ci_builder.executors.supervisor.call import Call
from ci_builder.executors.supervisor.context import DAC_OVERRIDE
from ci_builder.executors.supervisor.execution import execute_again
from ci_builder.executors.supervisor.found import Found, key_of
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.lookup import CURRENT, ELSEWHERE
from ci_builder.executors.supervisor.opening import KNOWN, TMPFILE
from ci_builder.executors.supervisor.status import tell

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
_SLASH = ord("/")
_NOT_TO_READ = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_PATH | TMPFILE
_AS_BEFORE = os.O_CLOEXEC | os.O_NOCTTY | _ARCHITECTURE.large_file  # nobody sees them in the open file
_TO_READ = _AS_BEFORE | os.O_NONBLOCK | os.O_DIRECTORY
_NOT_AS_BEFORE, _NOT_KNOWN = ~_AS_BEFORE & KNOWN, ~_TO_READ & KNOWN
_CLOSE_ON_EXEC = os.O_CLOEXEC
_TOO_LARGE = 1 << 31  # no int
_NOT_OF_ACCESS = 0xFFFFFFFF & ~7
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW
_IGNORES_PERMISSIONS = 1 << DAC_OVERRIDE
_BUFFER = ctypes.create_string_buffer(_ARCHITECTURE.stat_size)
_SIZE = _ARCHITECTURE.stat_size
_syscall = quick_library().syscall


class AtOnce:
    """Each of ``methods``, by the call's name, tells whether the call was answered; else nothing was done.
    They raise OSError: the call fails so."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._memory = kernel.memory
        self._listener = kernel.listener
        self._lookup = kernel.lookup
        self._told = kernel.told.answer
        self._record = kernel.owners.records.get
        self._covered = kernel.view.covered
        self._foreign = kernel.foreign_devices
        self.methods: dict[str, Callable[[Received], bool]] = {
            "stat": self._stat,
            "lstat": self._lstat,
            "newfstatat": self._newfstatat,
            "fstat": self._fstat,
            "openat": self._openat,
            "open": self._open,
            "execve": self._execve,
            "access": self._access,
            "readlink": self._readlink,
        }

    def _path(self, task: int, pointer: int) -> bytes | None:
        """A short path in the caller's memory; None: the handler has to see."""
        memory = self._memory
        try:
            if task == memory.task:
                data = pread(memory.descriptor, _TEXT, pointer)
            else:
                data = memory.read(task, pointer, _TEXT)
        except (OSError, OverflowError):
            return None
        end = data.find(0)
        return data[:end] if end >= 0 else None

    def _execve(self, received: Received) -> bool:
        return execute_again(self._kernel, received)

    def _stat(self, received: Received) -> bool:
        cookie, task, number, pointer, into, *_ = received
        return self._newfstatat((cookie, task, number, _HERE, pointer, into, 0, 0, 0))

    def _lstat(self, received: Received) -> bool:
        cookie, task, number, pointer, into, *_ = received
        return self._newfstatat((cookie, task, number, _HERE, pointer, into, _NO_FOLLOW, 0, 0))

    def _fstat(self, received: Received) -> bool:
        path = b"/proc/%d/fd/%d" % (received[1], received[3] & 0xFFFFFFFF)
        return self._stat_at(received, (path, received[4]), 0)

    def _newfstatat(self, received: Received) -> bool:
        _, task, _, folder, pointer, into, flags, _, _ = received
        name = self._path(task, pointer)
        folder &= 0xFFFFFFFF
        if not name:
            return (
                name is not None
                and flags == _EMPTY_PATH
                and self._stat_at(received, (b"/proc/%d/fd/%d" % (task, folder), into), 0)
            )
        context = self._memory.note
        if context is None or not context.effective & _IGNORES_PERMISSIONS or flags & ~_NO_FOLLOW:
            return False
        if b"/" in name or name == b"..":
            if name[0] != _SLASH or context.root:
                return False
            return self._stat_of_path(received, (name, into), follow=not flags)
        start = b"/proc/%d/cwd/" % task if folder == _HERE else b"/proc/%d/fd/%d/" % (task, folder)
        return self._stat_at(received, (start + name, into), flags or _FOLLOW)

    def _stat_at(self, received: Received, what: tuple[bytes, int], how: int) -> bool:
        """``how`` is 0 for the very file of a descriptor; for a name whether the call follows it."""
        path, into = what
        if _syscall(_NEWFSTATAT, CURRENT, path, _BUFFER, how and _NO_FOLLOW) < 0:
            return False
        raw: bytes = _BUFFER.raw
        if how == _FOLLOW and raw[_FORMAT] >> 4 == _LINK:
            return False
        known = self._told(raw)
        if known is None:
            if how and self._lies_under(raw):
                return False
            return self._tell(received, raw, into)
        return (known.is_seen or not how) and self._write(received, known.data, into)

    def _tell(self, received: Received, raw: bytes, into: int) -> bool:
        known = self._told(raw)
        if known is not None:
            return self._write(received, known.data, into)
        kernel = self._kernel
        kernel.contexts.forget()
        tell(kernel, Call(received, self._memory), Found(-1, None, raw), into)
        self._listener.answer(received[0], 0)
        return True

    def _write(self, received: Received, data: bytes, into: int) -> bool:
        """Answer by a struct stat."""
        memory = self._memory
        try:
            if received[1] != memory.task:
                memory.write(received[1], into, data)
            elif pwrite(memory.descriptor, data, into) != _SIZE:
                return False
        except (OSError, OverflowError):
            return False
        self._listener.answer(received[0], 0)
        return True

    def _stat_of_path(self, received: Received, what: tuple[bytes, int], *, follow: bool) -> bool:
        """Of an absolute path."""
        path, into = what
        raw = self._raw_of_path(received, path, follow=follow)
        return raw is not None and (not raw or self._tell(received, raw, into))

    def _raw_of_path(self, received: Received, path: bytes, *, follow: bool) -> bytes | None:
        """The struct stat of an absolute path; empty: it leads nowhere, which was answered; None: the handler
        has to tell."""
        descriptor = self._lookup.at_once(path, follow=follow)
        if descriptor < 0:
            if descriptor == ELSEWHERE:
                return None
            self._listener.fail(received[0], -descriptor)
            return b""
        failed = _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) < 0
        os.close(descriptor)
        raw = _BUFFER.raw
        return None if failed or self._lies_under(raw) else raw

    def _lies_under(self, raw: bytes) -> bool:
        """Whether something else is mounted there, or it is not the image's."""
        key = key_of(raw)
        return key in self._covered or key[0] in self._foreign

    def _readlink(self, received: Received) -> bool:
        """Of an absolute path, which mostly is no link: that is how a compiler makes paths real."""
        cookie, task, _, pointer, _, size, *_ = received
        path, lookup = self._path(task, pointer), self._lookup
        context = self._memory.note
        if not path or not 0 < size < _TOO_LARGE or context is None or context.root:
            return False
        if not context.effective & _IGNORES_PERMISSIONS or path[0] != _SLASH:
            return False
        if not lookup.is_no_link(path):
            raw = self._raw_of_path(received, path, follow=False)
            if not raw:
                return raw is not None
            if raw[_FORMAT] >> 4 == _LINK:
                return False
            lookup.no_link(path)
        self._listener.fail(cookie, errno.EINVAL)
        return True

    def _open(self, received: Received) -> bool:
        cookie, task, number, pointer, flags, *_ = received
        return self._openat((cookie, task, number, _HERE, pointer, flags, 0, 0, 0))

    def _openat(self, received: Received) -> bool:
        cookie, task, _, folder, pointer, flags, _, _, _ = received
        if flags & _NOT_TO_READ:
            return False
        path = self._path(task, pointer)
        context = self._memory.note
        if not path or context is None or not context.effective & _IGNORES_PERMISSIONS:
            return False
        try:
            if path[0] == _SLASH:
                descriptor = self._by_path(path, flags) if not context.root else ELSEWHERE
            elif flags & _FOLDER == _FOLDER:
                descriptor = self._folder(task, (folder & 0xFFFFFFFF, path), flags & KNOWN)
            else:
                return False
        except OSError:
            return False
        if descriptor < 0:
            if descriptor == ELSEWHERE:
                return False
            self._listener.fail(cookie, -descriptor)
            return True
        try:
            self._listener.give((cookie, task), descriptor, bool(flags & _CLOSE_ON_EXEC))
        finally:
            os.close(descriptor)
        return True

    def _by_path(self, path: bytes, flags: int) -> int:
        """A directory or regular file, to be read, that an absolute path leads to; a negative errno, or
        ELSEWHERE: the handler has to tell. Raises OSError: it has to as well."""
        if flags & _NOT_AS_BEFORE:
            if flags & _NOT_KNOWN:
                return ELSEWHERE
        else:
            opened = self._lookup.open_again(path)
            if opened is not None:
                if not self._is_device(opened[1]):
                    return opened[0]
                os.close(opened[0])
        found = self._lookup.at_once(path, follow=True)
        if found < 0:
            return found
        try:
            if _syscall(_NEWFSTATAT, found, b"", _BUFFER, _EMPTY_PATH) < 0:
                return ELSEWHERE
            raw = _BUFFER.raw
            if self._lies_under(raw):
                return ELSEWHERE
            kind = raw[_FORMAT] >> 4
            if kind == _REGULAR and not flags & os.O_DIRECTORY and not self._is_device(key_of(raw)):
                self._lookup.opened(path)
            elif kind != _DIRECTORY:
                return ELSEWHERE
            return os.open(b"/proc/self/fd/%d" % found, flags & KNOWN | os.O_CLOEXEC)
        finally:
            os.close(found)

    def _is_device(self, key: tuple[int, int]) -> bool:
        """Whether a regular file stands for a device."""
        record = self._record(key)
        return record is not None and record.device is not None

    def _folder(self, task: int, where: tuple[int, bytes], flags: int) -> int:
        """A directory in an open one, no link followed; ELSEWHERE: the handler has to tell.
        Raises OSError."""
        folder, name = where
        if b"/" in name or name == b"..":
            return ELSEWHERE
        descriptor = os.open(b"/proc/%d/fd/%d/%b" % (task, folder, name), flags | _CLOSE_ON_EXEC)
        failed = _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) < 0
        if not failed and not self._lies_under(_BUFFER.raw):
            return descriptor
        os.close(descriptor)
        return ELSEWHERE

    def _access(self, received: Received) -> bool:
        """Of what is known to be missing: every program asks for /etc/ld.so.preload."""
        path = self._path(received[1], received[3])
        context = self._memory.note
        if not path or received[4] & _NOT_OF_ACCESS or context is None or not context.is_real:
            return False
        if not self._lookup.is_missing(context, path):
            return False
        self._listener.fail(received[0], errno.ENOENT)
        return True
