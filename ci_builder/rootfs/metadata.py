"""Owner, permissions, extended attributes and times of one file, set in the order that keeps them all."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.rootfs.tree import Ownership, Status
from ci_builder.rootfs.xattrs import belongs_to_host, portable, read_xattrs
from ci_builder.values import dataclass

Xattrs = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a layer says of a file beside its name and content. ``mode`` is a whole st_mode."""

    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: Xattrs = ()


def read_metadata(ownership: Ownership, parent: int, name: bytes) -> tuple[Metadata, Status]:
    """The metadata of ``name`` in the open directory ``parent``, and its status. Raises OSError."""
    status = ownership.status(os.stat(name, dir_fd=parent, follow_symlinks=False))
    metadata = Metadata(
        status.mode, status.uid, status.gid, status.mtime_ns, all_xattrs(parent, name, status)
    )
    return metadata, status


def all_xattrs(parent: int, name: bytes, status: Status) -> Xattrs:
    """The kernel's attributes with the recorded ones over them, sorted by key. Raises OSError."""
    return with_recorded(read_xattrs(parent, name), status)


def with_recorded(real: Xattrs, status: Status) -> Xattrs:
    """``real`` attributes with the recorded ones of ``status`` over them, sorted by key."""
    if not status.xattrs:
        return real
    recorded = {key: portable(key, value) for key, value in status.xattrs}
    return tuple(sorted((dict(real) | recorded).items()))


def set_metadata(ownership: Ownership, parent: int, name: bytes, metadata: Metadata) -> None:
    """Set everything on a file that was just made. Raises OSError.

    Owner first (it clears setuid and capabilities), then permissions, attributes, and times last.
    """
    ownership.chown(parent, name, metadata.uid, metadata.gid, metadata.mode)
    for key, value in metadata.xattrs:
        if not belongs_to_host(key):
            ownership.setxattr(parent, name, key, value)
    set_time(parent, name, metadata.mtime_ns)


def set_open_metadata(descriptor: int, metadata: Metadata) -> None:
    """``set_metadata`` of an open file where the kernel keeps everything, without looking its name up again
    and again. Raises OSError."""
    os.fchown(descriptor, metadata.uid, metadata.gid)
    os.fchmod(descriptor, stat_module.S_IMODE(metadata.mode))
    for key, value in metadata.xattrs:
        if not belongs_to_host(key):
            os.setxattr(descriptor, key, value)
    os.utime(descriptor, ns=(metadata.mtime_ns, metadata.mtime_ns))


def set_time(parent: int, name: bytes, mtime_ns: int) -> None:
    """Set modification and access time, of a symbolic link itself. Raises OSError."""
    os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=parent, follow_symlinks=False)


def copy_metadata(source: tuple[Ownership, int, bytes], target: tuple[Ownership, int, bytes]) -> Metadata:
    """Copy everything from one (ownership, parent, name) to another that was just made; returns it.
    Raises OSError."""
    metadata, _ = read_metadata(*source)
    set_metadata(*target, metadata)
    return metadata
