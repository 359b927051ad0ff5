"""The places in a root file system that are mounted over while a command runs, and their traces.

Like docker and BuildKit: the directories /proc, /sys, /dev and /etc are made where they are missing and
stay; the empty files that /etc/hosts and /etc/resolv.conf are mounted on are removed again.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Iterator

from ci_builder.errors import ExecutorError
from ci_builder.rootfs.paths import Directories, resolve
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.rootfs.xattrs import read_xattrs
from ci_builder.values import dataclass

_FILES = (b"etc/hosts", b"etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Untouched:
    """A directory that only held a mount point: what it was like before."""

    path: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: tuple[tuple[str, bytes], ...]

    @staticmethod
    def of(path: bytes, parent: int, name: bytes) -> Untouched:
        """What ``name`` in the open directory ``parent`` is like; ``path`` is its real path."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        xattrs = read_xattrs(parent, name)
        return Untouched(path, found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, xattrs)

    def is_unchanged(self, tree: Tree) -> bool:
        """Whether it is like that now."""
        with Directories(tree) as directories:
            try:
                place = directories.place(self.path)
                return Untouched.of(self.path, place.parent, place.name) == self
            except OSError:
                return False


@contextlib.contextmanager
def mount_points(tree: Tree) -> Iterator[tuple[dict[str, str], list[Untouched]]]:
    """Make what is missing; afterwards remove the files that were made.

    Yields the real places of /etc/hosts and /etc/resolv.conf ({name: absolute path in the root}; one
    that cannot be mounted on is left out), and the directories whose only trace is a time stamp.
    Raises ExecutorError where a directory is needed and something else is there.
    """
    for path in KERNEL_FOLDERS:
        _need_directory(tree, path)
    places: dict[str, str] = {}
    made: list[bytes] = []
    touched: list[Untouched] = []
    for path in _FILES:
        real = resolve(tree, path)
        if real.split(b"/")[0] in KERNEL_FOLDERS:
            continue
        before = _make_file(tree, real)
        if before is not None:
            made.append(real)
            touched.append(before)
        if _is_file(tree, real):
            places["/" + os.fsdecode(path)] = "/" + os.fsdecode(real)
    try:
        yield places, touched
    finally:
        for path in made:
            _remove_if_empty(tree, path)


def _need_directory(tree: Tree, path: bytes) -> None:
    with Directories(tree) as directories:
        place = directories.place(path)
        try:
            found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
        except FileNotFoundError:
            os.mkdir(place.name, 0o755, dir_fd=place.parent)
            tree.ownership.chown(place.parent, place.name, 0, 0, stat_module.S_IFDIR | 0o755)
            return
    if not stat_module.S_ISDIR(found.st_mode):
        raise ExecutorError(
            f"/{os.fsdecode(path)} of the image is no directory: nothing can be mounted there"
        )


def _is_file(tree: Tree, path: bytes) -> bool:
    with Directories(tree) as directories:
        place = directories.place(path)
        found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
    return stat_module.S_ISREG(found.st_mode)


def _make_file(tree: Tree, path: bytes) -> Untouched | None:
    """Make an empty file unless something is there; what its directory was like before."""
    with Directories(tree) as directories:
        place = directories.place(path, create=True)
        before = Untouched.of(os.path.dirname(path), place.parent, b".")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(place.name, flags, 0o644, dir_fd=place.parent))
            tree.ownership.chown(place.parent, place.name, 0, 0, stat_module.S_IFREG | 0o644)
        except FileExistsError:
            return None
        os.utime(b".", ns=(before.mtime_ns, before.mtime_ns), dir_fd=place.parent)
    return before


def _remove_if_empty(tree: Tree, path: bytes) -> None:
    with contextlib.suppress(OSError), Directories(tree) as directories:
        place = directories.place(path)
        found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
        if not stat_module.S_ISREG(found.st_mode) or found.st_size:
            return
        before = os.stat(b".", dir_fd=place.parent)
        os.unlink(place.name, dir_fd=place.parent)
        os.utime(b".", ns=(before.st_atime_ns, before.st_mtime_ns), dir_fd=place.parent)
