"""The root directory of a tree, which no layer has a word of."""

from __future__ import annotations

import os
import stat

from ci_builder.rootfs.tree import Tree

_USUAL = (0, 0, 0o755)


def own_folder(tree: Tree, uid: int, gid: int, mode: int) -> None:
    """The root of ``tree`` gets this owner and these permissions. Raises OSError."""
    root = os.open(tree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        tree.ownership.chown(root, b".", uid, gid, stat.S_IFDIR | mode)
    finally:
        os.close(root)


def own_as_usual(tree: Tree) -> None:
    """It is root's, with mode 0755, whatever a command made of it: docker's commands find it so each time,
    and so does one that comes after a step from the cache. Raises OSError."""
    found = tree.ownership.status(os.lstat(tree.root))
    if (found.uid, found.gid, stat.S_IMODE(found.mode)) != _USUAL:
        own_folder(tree, *_USUAL)
