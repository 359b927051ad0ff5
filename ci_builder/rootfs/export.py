"""A whole tree as a tar or a copy in a folder."""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ci_builder.rootfs.ahead import Ahead, Put
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.pack import pack
from ci_builder.rootfs.paths import Directories, open_directory
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Status, Tree
from ci_builder.rootfs.unpack import unpack
from ci_builder.rootfs.walk import LIST, Names, child, side_by_side, sorted_names, walk


def every_path(tree: Tree) -> Iterator[Change]:
    """All of ``tree`` but the root and what is untouchable, as changes, in no particular order.
    Raises OSError."""

    def look(descriptor: int, path: bytes, below: Names) -> Iterator[Change]:
        for name, is_directory in _touchable(tree, descriptor, path):
            yield Change(child(path, name), "present")
            if is_directory:
                below.add(name)

    return walk(tree.root, look)


def tree_tar(tree: Tree, stream: BinaryIO, times: Times = KEPT) -> None:
    """Write every path of ``tree`` as a tar to ``stream``. Raises OutputError."""
    pack(every_path(tree), tree, stream.write, times=times)


def tree_copy(tree: Tree, folder: Path, times: Times = KEPT) -> None:
    """Copy every path of ``tree`` into ``folder`` over what is there, as ``--output type=local`` does.

    All of it is the caller's, as with buildx, without setuid and setgid bits of others; who may not make
    devices gets none. Raises OutputError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = Tree(str(folder.resolve()), _OwnFiles())
    with Ahead(lambda put: _pack_for_copy(tree, put, times)) as blocks:
        unpack(blocks, target, whiteouts=False)


def remove_others(tree: Tree, folder: Path) -> None:
    """Remove from ``folder``, a copy of ``tree``, every path that ``tree`` does not have. No symbolic link
    is followed. Raises OSError."""
    target = Tree(str(folder.resolve()), KernelOwnership())
    root = os.open(tree.root, LIST)

    def look(descriptor: int, path: bytes, below: Names) -> Iterator[bytes]:
        wanted = open_directory(root, path, LIST)
        try:
            here = _touchable(target, descriptor, path)
            for name, is_directory, is_wanted in side_by_side(here, _touchable(tree, wanted, path)):
                if is_directory is not None and is_wanted is None:
                    yield child(path, name)
                elif is_directory and is_wanted:
                    below.add(name)
        finally:
            os.close(wanted)

    try:
        with Directories(target) as directories:
            for path in walk(target.root, look):
                remove(target, directories.place(path))
                directories.forget()
    finally:
        os.close(root)


def _pack_for_copy(tree: Tree, put: Put, times: Times) -> None:
    pack(every_path(tree), tree, put, times=times)


class _OwnFiles:
    """KernelOwnership in which all is the caller's, and that goes without what the kernel refuses."""

    def __init__(self) -> None:
        self._kernel = KernelOwnership(stand_ins=True)
        self._own = (os.geteuid(), os.getegid())

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        if mode is not None and (uid, gid) != self._own:
            mode &= ~0o6000  # of somebody else's program
        self._kernel.chown(parent, name, *self._own, mode)

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """See Ownership."""
        self._kernel.mknod(parent, name, mode, device)

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """See Ownership."""
        with contextlib.suppress(OSError):
            self._kernel.setxattr(parent, name, key, value)

    def status(self, stat: os.stat_result) -> Status:
        """See Ownership."""
        return self._kernel.status(stat)


def _touchable(tree: Tree, descriptor: int, path: bytes) -> Iterator[tuple[bytes, bool]]:
    """The names in the open directory ``path``, and whether each is a directory."""
    for name in sorted_names(descriptor):
        if not (tree.untouchable and b"/" + child(path, name) in tree.untouchable):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield name, stat_module.S_ISDIR(found.st_mode)
