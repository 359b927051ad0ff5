"""Whiteouts: entries of a layer that hide what the layers below have (OCI image spec, layer.md)."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.errors import UnsafeLayer
from ci_builder.rootfs.paths import Directories, Place, open_directory
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.seen import Seen
from ci_builder.rootfs.walk import child, sorted_names

PREFIX = b".wh."
OPAQUE = b".wh..wh..opq"
MAX_PATH = 4095
"""Bytes of a path in a layer: PATH_MAX without its zero. What has more, nobody could unpack."""
_AUFS = b".wh..wh."
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def apply_whiteout(directories: Directories, path: bytes, seen: Seen) -> None:
    """Apply the whiteout whose own (clean) name is ``path``. ``seen`` are the real paths that the same
    layer has: those stay. Raises UnsafeLayer, OSError."""
    folder, _, name = path.rpartition(b"/")
    if name == OPAQUE:
        target = folder
    elif name.startswith(_AUFS):
        return  # aufs' own bookkeeping, as docker passes over it
    else:
        hidden = name[len(PREFIX) :]
        if hidden in (b"", b".", b".."):
            raise UnsafeLayer(f"/{os.fsdecode(path)} in a layer is a whiteout of nothing")
        target = folder + b"/" + hidden
    try:
        place = directories.place(target)
        status = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return
    if place.held_back:
        return
    is_directory = stat_module.S_ISDIR(status.st_mode)
    if name != OPAQUE and place.path not in seen:
        remove(directories.tree, place)
    elif is_directory:
        _hide_below(directories, place.path, seen)
    directories.forget()


def _hide_below(directories: Directories, path: bytes, seen: Seen) -> None:
    pending = [path]
    while pending:
        folder = pending.pop()
        descriptor = open_directory(directories.root, folder, _LIST)
        try:
            for name in sorted_names(descriptor):
                path = child(folder, name)
                if path not in seen:
                    remove(directories.tree, Place(descriptor, name, path))
                elif stat_module.S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                    pending.append(path)
        finally:
            os.close(descriptor)
