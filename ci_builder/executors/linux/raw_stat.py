"""struct stat and struct statx as the kernel writes them, with another owner (stat(2), statx(2))."""

from __future__ import annotations

import ctypes
import os
import struct

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import system_call
from ci_builder.rootfs.tree import Status

_STAT_SIZE = {"x86_64": 144, "aarch64": 128}
_STATX_SIZE = 256
_STATX_IDS, _STATX_MODE, _STATX_RDEV = 20, 28, 128


def raw_stat(descriptor: int, status: Status) -> bytes:
    """This architecture's struct stat of an open file, with mode, owner and device of ``status``."""
    numbers = n.of_this_machine()
    buffer = ctypes.create_string_buffer(_STAT_SIZE[os.uname().machine])
    number = numbers.newfstatat
    system_call("newfstatat", number, descriptor, b"", ctypes.byref(buffer), n.AT_EMPTY_PATH)
    struct.pack_into("=I", buffer, numbers.stat_mode, status.mode)
    struct.pack_into("=II", buffer, numbers.stat_ids, status.uid, status.gid)
    struct.pack_into("=Q", buffer, numbers.stat_rdev, status.device)
    return buffer.raw


def raw_statx(descriptor: int, status: Status, flags: int, mask: int) -> bytes:
    """struct statx of an open file, with mode, owner and device of ``status``."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    number = n.of_this_machine().statx
    whole = (flags | n.AT_EMPTY_PATH) & ~_NO_FOLLOW
    system_call("statx", number, descriptor, b"", whole, mask, ctypes.byref(buffer))
    struct.pack_into("=II", buffer, _STATX_IDS, status.uid, status.gid)
    struct.pack_into("=H", buffer, _STATX_MODE, status.mode)
    struct.pack_into("=II", buffer, _STATX_RDEV, os.major(status.device), os.minor(status.device))
    return buffer.raw


_NO_FOLLOW = 0x100
