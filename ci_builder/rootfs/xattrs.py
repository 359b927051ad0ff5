"""Extended attributes of one file, reached through an open directory (there is no setxattrat)."""

from __future__ import annotations

import errno
import os
import struct

# Labels that the host's security modules put on every file: they describe this machine, not the image.
_HOST_LABELS = ("security.selinux", "security.ima", "security.evm", "security.apparmor", "security.SMACK64")
_OVERLAY = ("trusted.overlay.", "user.overlay.")
_CAPABILITY = "security.capability"
_REVISION_MASK, _REVISION_2, _REVISION_3 = 0xFF000000, 0x02000000, 0x03000000
_NONE_THERE = (errno.ENOTSUP, errno.ENODATA)


def belongs_to_host(key: str) -> bool:
    """Whether an attribute describes this machine (labels, overlayfs' own marks): never in a layer."""
    return key.startswith(_HOST_LABELS) or key.startswith(_OVERLAY)


def path_of(parent: int, name: bytes) -> bytes:
    """A path that names ``name`` in the open directory ``parent`` for calls without a dir_fd."""
    return name if parent < 0 else b"/proc/self/fd/%d/%s" % (parent, name)


def read_xattrs(parent: int, name: bytes) -> tuple[tuple[str, bytes], ...]:
    """The attributes of a file that belong in a layer, sorted by key. Raises OSError.

    File capabilities of revision 3 (24 bytes, with the root id of a user namespace) are given as
    revision 2 (20 bytes), which is what they mean inside the image (capabilities(7)).
    """
    return _read(path_of(parent, name), follow=False)


def read_open_xattrs(descriptor: int) -> tuple[tuple[str, bytes], ...]:
    """Like ``read_xattrs``, of an open file. Raises OSError."""
    return _read(descriptor, follow=True)


def _read(file: bytes | int, *, follow: bool) -> tuple[tuple[str, bytes], ...]:
    try:
        keys = os.listxattr(file, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE_THERE:
            return ()
        raise
    if not keys:
        return ()
    wanted = sorted(key for key in keys if not belongs_to_host(key))
    return tuple((key, portable(key, os.getxattr(file, key, follow_symlinks=follow))) for key in wanted)


def set_xattr(parent: int, name: bytes, key: str, value: bytes) -> None:
    """Set one attribute; a symbolic link is not followed. Raises OSError."""
    os.setxattr(path_of(parent, name), key, value, follow_symlinks=False)


def clear_xattrs(parent: int, name: bytes) -> None:
    """Remove every attribute that belongs in a layer. Raises OSError."""
    for key, _ in read_xattrs(parent, name):
        os.removexattr(path_of(parent, name), key, follow_symlinks=False)


def portable(key: str, value: bytes) -> bytes:
    """An attribute as it goes into a layer: capabilities of revision 2, which are for any root
    (capabilities(7))."""
    if key != _CAPABILITY or len(value) != 24:
        return value
    (magic,) = struct.unpack_from("<I", value)
    if magic & _REVISION_MASK != _REVISION_3:
        return value
    return struct.pack("<I", (magic & ~_REVISION_MASK) | _REVISION_2) + value[4:20]
