"""What the image has where something is mounted, out of the way while a command runs that nothing can be
mounted for: whatever path leads there, it is not found.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Iterator, Sequence
from pathlib import Path

from ci_builder.executors.mount_points import Untouched
from ci_builder.rootfs.paths import Directories, Place
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import Tree


@contextlib.contextmanager
def hidden(
    tree: Tree, places: Sequence[str], aside: Path, untouched: list[Untouched], *, empty: bool = False
) -> Iterator[None]:
    """Folders at ``places`` (real paths of the image) that are not empty, with ``empty`` all of them, are in
    ``aside``, a folder of the same file system, and empty ones in their place; what is in those in the end
    is removed. ``untouched`` gets what only seems to have changed. Raises OSError."""
    with contextlib.ExitStack() as stack:
        for number, place in enumerate(dict.fromkeys(places)):
            path = os.fsencode(place)[1:]
            if empty or _has_content(tree, path):
                stack.enter_context(_hidden(tree, path, aside / str(number), untouched))
        yield


@contextlib.contextmanager
def _hidden(tree: Tree, path: bytes, aside: Path, untouched: list[Untouched]) -> Iterator[None]:
    with Directories(tree) as directories:
        place = directories.place(path)
        parent, name = os.dup(place.parent), place.name
    try:
        untouched += [Untouched.of(os.path.dirname(path), parent, b"."), Untouched.of(path, parent, name)]
        times = os.stat(b".", dir_fd=parent)
        os.rename(name, aside, src_dir_fd=parent)
        os.mkdir(name, 0o755, dir_fd=parent)
        tree.ownership.chown(parent, name, 0, 0, stat_module.S_IFDIR | 0o755)
        _set_times(parent, times)
        try:
            yield
        finally:
            after = os.stat(b".", dir_fd=parent)
            remove(tree, Place(parent, name, path))
            os.rename(aside, name, dst_dir_fd=parent)
            _set_times(parent, after)
    finally:
        os.close(parent)


def _has_content(tree: Tree, path: bytes) -> bool:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with Directories(tree) as directories:
        place = directories.place(path)
        folder = os.open(place.name, flags, dir_fd=place.parent)
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    finally:
        os.close(folder)


def _set_times(parent: int, times: os.stat_result) -> None:
    os.utime(b".", ns=(times.st_atime_ns, times.st_mtime_ns), dir_fd=parent)
