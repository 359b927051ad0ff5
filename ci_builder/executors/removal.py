"""Removing a folder of the builder's state with everything in it."""

from __future__ import annotations

import os
from collections.abc import Callable

from ci_builder.executors.linux.mount_table import read_mounts
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import Tree

Call = Callable[[str], None]
"""Has another process remove a folder as well, from the end: two of them need half the time."""


def release_folder(folder: str, call: Call | None = None) -> None:
    """``remove_folder`` after everything in it was unmounted: for the end of a build, wherever it was
    stopped. Raises OSError."""
    inside = os.fsencode(os.path.realpath(folder)) + b"/"
    for point in reversed(read_mounts()):
        if point.path.startswith(inside):
            # Here: most builds leave nothing mounted, and many never call the kernel by hand.
            from ci_builder.executors.linux import numbers as n
            from ci_builder.executors.linux.calls import umount

            umount(os.fsdecode(point.path), n.MNT_DETACH)
    remove_folder(folder, call)


def remove_folder(folder: str, call: Call | None = None) -> None:
    """Remove ``folder``; one that is not there is fine. Nothing may be mounted in it, and no symbolic
    link is followed. ``call`` has another process come in. Raises OSError for what cannot be removed."""
    _remove(folder, backwards=False, call=None if call is None else lambda: call(folder))


def remove_from_the_end(folder: str) -> None:
    """The same for a process that was called."""
    _remove(folder, backwards=True, call=None)


def _remove(folder: str, *, backwards: bool, call: Callable[[], None] | None) -> None:
    parent, name = os.path.split(folder)
    with Directories(Tree(parent, KernelOwnership())) as directories:
        place = directories.place(os.fsencode(name))
        remove(directories.tree, place, backwards=backwards, call=call)
