"""A root file system in a folder, and who really owns its files."""

from __future__ import annotations

import os
from typing import Protocol

from ci_builder.rootfs.second_packer import Hire
from ci_builder.values import dataclass, field

KERNEL_FOLDERS = (b"proc", b"sys", b"dev")
"""Folders whose content every container gets from its kernel and engine, whatever the image has there."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a layer should say of one file: the kernel's answer with the ownership record applied.

    ``mode`` holds type and permissions (st_mode), ``device`` st_rdev, times are nanoseconds.
    ``xattrs`` are extended attributes that are recorded beside those that the kernel holds.
    """

    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    device: int
    links: int
    key: tuple[int, int]
    xattrs: tuple[tuple[str, bytes], ...] = ()


class Ownership(Protocol):
    """Sets and tells what an unprivileged process cannot set on real files.

    ``parent`` is an open directory descriptor (or AT_FDCWD-like -100) and ``name`` one path component
    in it; symbolic links are never followed. Implementations: ``KernelOwnership`` (the kernel does
    it: real root, or root of a namespace that maps all ids) and ``RecordedOwnership`` (a record keyed
    by device and inode, for a process that may not chown or mknod). Every setter raises OSError.
    """

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """Give the file to ``uid`` and ``gid``, then set the permission bits of ``mode`` unless it is
        None (a chown clears setuid; a symbolic link's are left alone). Whoever makes a file calls this
        first: nothing that was set on an earlier file of the same inode number survives it."""

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
    never read, written, removed or reported: mount points, the builder's own folder. ``hire`` starts a
    second process that packs files of it, whose owners are the kernel's; None: there is none.
    """

    root: str
    ownership: Ownership
    untouchable: frozenset[bytes] = field(default=frozenset())
    hire: Hire | None = None

    def holds_back(self, path: bytes) -> bool:
        """Whether ``path`` (real, relative to the root) is untouchable or lies beneath what is."""
        if not self.untouchable:
            return False
        end = len(path)
        while end > 0:
            if b"/" + path[:end] in self.untouchable:
                return True
            end = path.rfind(b"/", 0, end)
        return False
