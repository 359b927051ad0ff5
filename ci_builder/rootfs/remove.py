"""Removing files and directories of a tree, its untouchable paths left in place."""

from __future__ import annotations

import errno
import itertools
import os
import stat as stat_module
from collections.abc import Callable

from ci_builder.rootfs.paths import Place
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.walk import sorted_names

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_DEPTH = 200  # open descriptors and Python frames at once
_PART = 4096  # names
_MANY = 2048  # names that were removed until somebody else is called
_TRIES = 100


def remove(
    tree: Tree, place: Place, *, backwards: bool = False, call: Callable[[], None] | None = None
) -> bool:
    """Remove what is at ``place``, a directory with everything in it; symbolic links are not followed.

    Returns whether nothing is left: untouchable paths stay, and so do the directories above them.
    ``call`` is called once when there is much to remove: to have another process remove the same
    ``backwards``, so that they meet in the middle (that one gives up where it gets deep). Raises OSError.
    """
    removal = _Removal(tree, place, backwards=backwards, call=call)
    return _remove(removal, place.parent, place.name, place.path, 0)


class _Removal:
    """What is removed in which order, and where directories that lie too deep are moved to, to be removed
    afterwards."""

    def __init__(self, tree: Tree, place: Place, *, backwards: bool, call: Callable[[], None] | None) -> None:
        self.tree = tree
        self.top = place.parent
        self.backwards = backwards
        self.moved: list[bytes] = []
        self._call = call
        self._removed = 0
        self._count = 0

    def removed(self, names: int) -> None:
        """So many more are gone."""
        self._removed += names
        if self._call is not None and self._removed >= _MANY:
            call, self._call = self._call, None
            call()

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
    return _remove_directory(removal, parent, name, path, depth)


def _remove_directory(removal: _Removal, parent: int, name: bytes, path: bytes, depth: int) -> bool:
    if depth >= _MAX_DEPTH and not _holds_any(removal.tree, path):
        if removal.backwards:
            # Moved by two, it might be left behind by both.
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        removal.lift(parent, name)
        return True
    try:
        empty = _empty(removal, (parent, name), path, depth)
        tries = 0
        while empty and not _is_removed(parent, name, tries):
            empty, tries = _empty(removal, (parent, name), path, depth), tries + 1
    except FileNotFoundError:
        # Somebody else removes the same folder: to be faster, or because the build was stopped.
        empty = True
    while depth == 0 and removal.moved:
        _remove(removal, parent, removal.moved.pop(), path, 1)
    return empty


def _is_removed(parent: int, name: bytes, tries: int) -> bool:
    """Whether an empty directory is gone; not while others remove from it what its listing left out."""
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY or tries == _TRIES:
            raise
        return False
    return True


def _empty(removal: _Removal, where: tuple[int, bytes], path: bytes, depth: int) -> bool:
    descriptor = os.open(where[1], _OPEN, dir_fd=where[0])
    try:
        if not removal.tree.untouchable:
            _empty_wholly(removal, descriptor, path, depth)
            return True
        left = False
        for below in sorted_names(descriptor):
            left |= not _remove(removal, descriptor, below, path + b"/" + below, depth + 1)
        return not left
    finally:
        os.close(descriptor)


def _empty_wholly(removal: _Removal, directory: int, path: bytes, depth: int) -> None:
    """Remove everything in a directory. Its listing tells directories from all else, so that nothing is
    looked at; a part at a time, however many there are."""
    full = True
    while full:
        with os.scandir(directory) as found:
            part = [
                (item.name, item.is_dir(follow_symlinks=False)) for item in itertools.islice(found, _PART)
            ]
        full = len(part) == _PART
        if removal.backwards:
            part.reverse()
        for name, is_directory in part:
            if is_directory:
                below = os.fsencode(name)
                _remove_directory(removal, directory, below, path + b"/" + below, depth + 1)
            else:
                try:
                    os.unlink(name, dir_fd=directory)
                except FileNotFoundError:
                    continue
        removal.removed(len(part))


def _holds_any(tree: Tree, path: bytes) -> bool:
    return any(item.startswith(b"/" + path + b"/") for item in tree.untouchable)
