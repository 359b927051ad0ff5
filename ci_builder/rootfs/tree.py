"""A root file system in a folder, and who really owns its files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Status:
    """What a layer should say of one file: the kernel's answer with the ownership record applied.

    ``mode`` holds type and permissions (st_mode), ``device`` st_rdev, times are nanoseconds.
    """

    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    device: int
    links: int
    key: tuple[int, int]


class Ownership(Protocol):
    """Sets and tells what an unprivileged process cannot set on real files.

    ``parent`` is an open directory descriptor (or AT_FDCWD-like -100) and ``name`` one path component
    in it; symbolic links are never followed. Implementations: ``KernelOwnership`` (the kernel does
    it: real root, or root of a namespace that maps all ids) and ``RecordedOwnership`` (a record keyed
    by device and inode, for a process that may not chown or mknod).
    """

    def chown(self, parent: int, name: bytes, uid: int, gid: int) -> None:
        """Give the file to ``uid`` and ``gid``."""

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """Make a device node, fifo or socket of st_mode ``mode``."""

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """Set an extended attribute, security.* and trusted.* included."""

    def status(self, stat: os.stat_result) -> Status:
        """``stat`` (of an lstat) as the layer should say it."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A root file system whose ``/`` is the folder ``root`` (absolute, no trailing slash but "/").

    ``untouchable`` are paths inside it (absolute as seen from ``root``, e.g. ``b"/proc"``) that are
    never read, written, removed or reported: mount points, the builder's own folder.
    """

    root: str
    ownership: Ownership
    untouchable: frozenset[bytes] = field(default=frozenset())
