"""Where the mounts of one command go: what is missing there is made, and removed again without a trace.

As BuildKit does: empty folders and files that were only made to mount on are no part of the image.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat as stat_module
from collections.abc import Iterator, Sequence

from ci_builder.errors import CiBuilderError, ExecutorError
from ci_builder.executors.interface import Mount
from ci_builder.executors.mount_points import Untouched
from ci_builder.rootfs.paths import Directories, resolve
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class _Made:
    """An empty folder or file that was made: its path, and the directory it lies in as it was before."""

    path: bytes
    before: Untouched


@contextlib.contextmanager
def stubs(tree: Tree, mounts: Sequence[Mount]) -> Iterator[tuple[tuple[Mount, ...], list[Untouched]]]:
    """Yields the mounts with real places, where there is now something to mount on (but for /dev, /proc
    and /sys: those are the executor's), and the directories that only seem to have changed. Raises
    ExecutorError for a place that cannot be had."""
    made: list[_Made] = []
    untouched: list[Untouched] = []
    real: list[Mount] = []
    try:
        for mount in mounts:
            real.append(_real(tree, mount, real, (made, untouched)))
        yield tuple(real), untouched
    finally:
        for item in reversed(made):
            _remove(tree, item)


def _real(
    tree: Tree, mount: Mount, earlier: Sequence[Mount], notes: tuple[list[_Made], list[Untouched]]
) -> Mount:
    try:
        place = b"/" + resolve(tree, os.fsencode(mount.place))
        below = _mount_above(place, earlier)
        if below is not None:
            _make_in(tree, below, place, mount)
        elif place == b"/":
            raise ExecutorError("nothing can be mounted over the root directory")
        elif place[1:].split(b"/")[0] not in KERNEL_FOLDERS:
            _make_all(tree, place[1:], mount, notes)
    except OSError as error:
        raise ExecutorError(f"nothing can be mounted at {mount.place}: {error.strerror}") from error
    except ExecutorError:
        raise
    except CiBuilderError as error:
        raise ExecutorError(f"nothing can be mounted at {mount.place}: {error.message}") from error
    return replace(mount, place=os.fsdecode(place))


def _mount_above(place: bytes, earlier: Sequence[Mount]) -> Mount | None:
    """The mount whose content ``place`` lies in."""
    for mount in reversed(earlier):
        above = os.fsencode(mount.place)
        if place == above:
            return None
        if place.startswith(above + b"/"):
            return mount
    return None


def _make_in(tree: Tree, above: Mount, place: bytes, mount: Mount) -> None:
    """In what an earlier mount shows, where it stays, as it does with docker."""
    if not os.path.isdir(above.host):
        raise ExecutorError(f"nothing can be mounted at {mount.place}: {above.place} is not a folder")
    inside = Tree(above.host, tree.ownership)
    _make_all(inside, resolve(inside, place[len(above.place) :]), mount, ([], []))


def _make_all(tree: Tree, path: bytes, mount: Mount, notes: tuple[list[_Made], list[Untouched]]) -> None:
    made, untouched = notes
    parts = path.split(b"/")
    for count in range(1, len(parts) + 1):
        here = b"/".join(parts[:count])
        folder = count < len(parts) or os.path.isdir(mount.host)
        if tree.holds_back(here) and b"/" + here == b"/" + path:
            raise ExecutorError(f"{mount.place} belongs to the surroundings of this build")
        with Directories(tree) as directories:
            place = directories.place(here)
            before = Untouched.of(posixpath.dirname(here), place.parent, b".")
            untouched.append(before)
            if _is_there(place.parent, place.name, folder, mount):
                continue
            _make(tree, place.parent, place.name, folder=folder)
            os.utime(b".", ns=(before.mtime_ns, before.mtime_ns), dir_fd=place.parent)
            made.append(_Made(here, before))


def _is_there(parent: int, name: bytes, folder: bool, mount: Mount) -> bool:
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat_module.S_ISDIR(found.st_mode) != folder:
        kinds = ("a folder", "no folder") if folder else ("no folder", "a folder")
        raise ExecutorError(
            f"{mount.place}: what is mounted there is {kinds[0]}, but the image has {kinds[1]} there"
        )
    return True


def _make(tree: Tree, parent: int, name: bytes, *, folder: bool) -> None:
    if folder:
        os.mkdir(name, 0o755, dir_fd=parent)
        tree.ownership.chown(parent, name, 0, 0, stat_module.S_IFDIR | 0o755)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(name, flags, 0o644, dir_fd=parent))
    tree.ownership.chown(parent, name, 0, 0, stat_module.S_IFREG | 0o644)


def _remove(tree: Tree, item: _Made) -> None:
    """Unless it is something else now."""
    with contextlib.suppress(OSError), Directories(tree) as directories:
        place = directories.place(item.path)
        found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
        above = os.stat(b".", dir_fd=place.parent)
        if stat_module.S_ISDIR(found.st_mode):
            os.rmdir(place.name, dir_fd=place.parent)
        elif stat_module.S_ISREG(found.st_mode) and not found.st_size:
            os.unlink(place.name, dir_fd=place.parent)
        os.utime(b".", ns=(above.st_atime_ns, above.st_mtime_ns), dir_fd=place.parent)
