"""A file that was found: an O_PATH descriptor of it, and what the kernel says of it."""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
import struct
from types import TracebackType

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.supervisor.call import failure
from ci_builder.rootfs.record import Key

_ARCHITECTURE = of_this_machine()
_STAT = _ARCHITECTURE.stat
_DEV, _INO, _MODE, _UID, _GID, _RDEV = _ARCHITECTURE.stat_order
_NEWFSTATAT = _ARCHITECTURE.calls["newfstatat"]
_SIZE = _ARCHITECTURE.stat_size
_SIZE_AT, _CHANGED_AT = 48, 104  # in both architectures
_EMPTY_PATH, _NO_FOLLOW, _CURRENT = 0x1000, 0x100, -100
_KEY = struct.Struct("=QQ")  # the first two in both architectures
_BUFFER = ctypes.create_string_buffer(_SIZE)
_syscall = quick_library().syscall


def raw_stat(descriptor: int) -> bytes:
    """This architecture's struct stat of an open file. Raises OSError."""
    if _syscall(_NEWFSTATAT, descriptor, b"", _BUFFER, _EMPTY_PATH) < 0:
        raise failure(ctypes.get_errno())
    return _BUFFER.raw


def raw_stat_of(path: bytes, *, follow: bool) -> bytes:
    """The same of a path of the supervisor. Raises OSError."""
    if _syscall(_NEWFSTATAT, _CURRENT, path, _BUFFER, 0 if follow else _NO_FOLLOW) < 0:
        raise failure(ctypes.get_errno())
    return _BUFFER.raw


def key_of(raw: bytes) -> Key:
    """Device and inode in a struct stat."""
    return _KEY.unpack_from(raw)


def version_of(raw: bytes) -> bytes:
    """Size and time of change in a struct stat: with the key it tells one content from another."""
    return raw[_SIZE_AT : _SIZE_AT + 8] + raw[_CHANGED_AT : _CHANGED_AT + 16]


class Found:
    """``descriptor`` is closed at the end (-1: it is only looked at). ``raw`` is its struct stat; ``key``
    device and inode; the rest is what the kernel has, which a record may know better. ``place`` is its real
    path in the image where finding it told that, else None."""

    __slots__ = ("descriptor", "gid", "key", "mode", "place", "raw", "rdev", "uid")

    def __init__(self, descriptor: int, place: bytes | None = None, raw: bytes = b"") -> None:
        self.descriptor = descriptor
        self.place = place
        self.raw = raw or raw_stat(descriptor)
        fields = _STAT.unpack_from(self.raw)
        self.key = (fields[_DEV], fields[_INO])
        self.mode = fields[_MODE]
        self.uid = fields[_UID]
        self.gid = fields[_GID]
        self.rdev = fields[_RDEV]

    def __enter__(self) -> Found:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    @property
    def version(self) -> bytes:
        """See ``version_of``."""
        return version_of(self.raw)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat_module.S_ISDIR(self.mode)

    @property
    def path(self) -> bytes:
        """A path of the supervisor that means the file itself."""
        return b"/proc/self/fd/%d" % self.descriptor

    def need_directory(self) -> Found:
        """Itself. Raises OSError (ENOTDIR) for anything else than a directory."""
        if not self.is_directory:
            os.close(self.descriptor)
            raise failure(errno.ENOTDIR)
        return self
