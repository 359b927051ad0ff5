"""Removing a folder of the builder's state with everything in it."""

from __future__ import annotations

import os

from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import Tree


def remove_folder(folder: str) -> None:
    """Remove ``folder``; one that is not there is fine. Nothing may be mounted in it, and no symbolic
    link is followed. Raises OSError for what cannot be removed."""
    parent, name = os.path.split(folder)
    with Directories(Tree(parent, KernelOwnership())) as directories:
        remove(directories.tree, directories.place(os.fsencode(name)))
