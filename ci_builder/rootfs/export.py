"""A whole tree as a tar or a copy in a folder."""

from __future__ import annotations

import contextlib
import os
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

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def every_path(tree: Tree) -> Iterator[Change]:
    """All of ``tree`` but the root and what is untouchable, as changes, in no particular order.
    Raises OSError."""
    root = os.open(tree.root, _LIST)
    pending = [b""]
    try:
        while pending:
            folder = pending.pop()
            for name, is_directory in _list(root, folder):
                path = folder + b"/" + name if folder else name
                if b"/" + path in tree.untouchable:
                    continue
                yield Change(path, "present")
                if is_directory:
                    pending.append(path)
    finally:
        os.close(root)


def tree_tar(tree: Tree, stream: BinaryIO, times: Times = KEPT) -> None:
    """Write every path of ``tree`` as a tar to ``stream``. Raises OutputError."""
    pack(every_path(tree), tree, stream.write, times=times)


def tree_copy(tree: Tree, folder: Path, times: Times = KEPT) -> None:
    """Copy every path of ``tree`` into ``folder`` over what is there, as ``--output type=local`` does.

    Who may not give files away or make devices gets the files as his own and without devices, as with
    buildx. Raises OutputError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = Tree(str(folder.resolve()), _WhatIsPermitted())
    with Ahead(lambda put: _pack_for_copy(tree, put, times)) as blocks:
        unpack(blocks, target, whiteouts=False)


def remove_others(tree: Tree, folder: Path) -> None:
    """Remove from ``folder``, a copy of ``tree``, every path that ``tree`` does not have. No symbolic link
    is followed. Raises OSError."""
    kept = {change.path for change in every_path(tree)}
    target = Tree(str(folder.resolve()), KernelOwnership())
    others = {change.path for change in every_path(target)} - kept
    with Directories(target) as directories:
        for path in others:
            # What lies in a directory that goes, goes with it.
            if path.rpartition(b"/")[0] not in others:
                remove(target, directories.place(path))


def _pack_for_copy(tree: Tree, put: Put, times: Times) -> None:
    pack(every_path(tree), tree, put, times=times)


class _WhatIsPermitted:
    """KernelOwnership that goes without what the kernel refuses."""

    def __init__(self) -> None:
        self._kernel = KernelOwnership(stand_ins=True)

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        try:
            self._kernel.chown(parent, name, uid, gid, mode)
        except OSError:
            own = (os.geteuid(), os.getegid())
            self._kernel.chown(parent, name, *own, None if mode is None else mode & ~0o6000)

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


def _list(root: int, folder: bytes) -> list[tuple[bytes, bool]]:
    descriptor = open_directory(root, folder, _LIST)
    try:
        with os.scandir(descriptor) as found:
            return [(os.fsencode(item.name), item.is_dir(follow_symlinks=False)) for item in found]
    finally:
        os.close(descriptor)
