"""Removing files and directories of a tree, its untouchable paths left in place."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.rootfs.paths import Place
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.walk import sorted_names

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_DEPTH = 200  # open descriptors and Python frames at once


def remove(tree: Tree, place: Place) -> bool:
    """Remove what is at ``place``, a directory with everything in it; symbolic links are not followed.

    Returns whether nothing is left: untouchable paths stay, and so do the directories above them.
    Raises OSError.
    """
    return _remove(_Removal(tree, place), place.parent, place.name, place.path, 0)


class _Removal:
    """Where directories that lie too deep are moved to, to be removed afterwards."""

    def __init__(self, tree: Tree, place: Place) -> None:
        self.tree = tree
        self.top = place.parent
        self.moved: list[bytes] = []
        self._count = 0

    def lift(self, parent: int, name: bytes) -> None:
        """Move a directory up beside the one that is being removed."""
        self._count += 1
        target = b".ci-builder-removed-%d-%d" % (os.getpid(), self._count)
        os.rename(name, target, src_dir_fd=parent, dst_dir_fd=self.top)
        self.moved.append(target)


def _remove(removal: _Removal, parent: int, name: bytes, path: bytes, depth: int) -> bool:
    if removal.tree.holds_back(path):
        return False
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return True
    if not stat_module.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=parent)
        return True
    if depth >= _MAX_DEPTH and not _holds_any(removal.tree, path):
        removal.lift(parent, name)
        return True
    empty = _empty(removal, (parent, name), path, depth)
    if empty:
        os.rmdir(name, dir_fd=parent)
    while depth == 0 and removal.moved:
        _remove(removal, parent, removal.moved.pop(), path, 1)
    return empty


def _empty(removal: _Removal, where: tuple[int, bytes], path: bytes, depth: int) -> bool:
    descriptor = os.open(where[1], _OPEN, dir_fd=where[0])
    try:
        left = False
        for below in sorted_names(descriptor):
            left |= not _remove(removal, descriptor, below, path + b"/" + below, depth + 1)
        return not left
    finally:
        os.close(descriptor)


def _holds_any(tree: Tree, path: bytes) -> bool:
    return any(item.startswith(b"/" + path + b"/") for item in tree.untouchable)
