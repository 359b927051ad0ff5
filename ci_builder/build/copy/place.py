"""Copying files into a root file system with the meaning of BuildKit's COPY.

The target directory is never walked by name through a symbolic link that the image made: the
destination is resolved inside the root once, below it only real directories are entered.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections.abc import Iterator

from ci_builder.build.copy.selection import EVERYTHING, Selection
from ci_builder.build.copy.source import CopySource, Found
from ci_builder.build.copy.transfer import Folder, Placement, Transfer
from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.paths import lookup, resolve
from ci_builder.rootfs.tree import Tree

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def place(
    found: Found,
    origin: CopySource,
    placement: Placement,
    destination: bytes,
    selection: Selection = EVERYTHING,
) -> None:
    """Copy one thing to ``destination`` (absolute inside the root; a trailing slash means a directory).

    A directory's content goes into the destination, which keeps its own owner and mode or is made anew, and
    gets the directory's time; a file goes to it, or into it when it is a directory. Of both only what is
    selected. Raises CiBuilderError.
    """
    tree = placement.tree
    target = resolve_target(tree, destination)
    transfer = Transfer(origin, placement, selection)
    if stat.S_ISDIR(found.status.st_mode):
        make_directories(placement, target)
        with _directory(tree, target) as descriptor:
            transfer.content(found.path, b"", Folder(target, found.path, descriptor=descriptor))
            if not selection.below:
                # BuildKit gives it to the directory that it copies itself: that of --parents is further down.
                os.utime(descriptor, ns=(found.status.st_mtime_ns, found.status.st_mtime_ns))
        return
    there = lookup(tree, target)
    if destination.endswith(b"/") or (there is not None and stat.S_ISDIR(there.st_mode)):
        make_directories(placement, target)
        target = posixpath.join(target, found.name or posixpath.basename(found.path))
    parent, last = posixpath.split(target)
    make_directories(placement, parent)
    with _directory(tree, parent) as descriptor:
        transfer.single(found.path, last, Folder(parent, b"", descriptor=descriptor))


def resolve_target(tree: Tree, destination: bytes) -> bytes:
    """``destination`` with symbolic links followed inside the root, relative to it, no slash at the end."""
    return resolve(tree, destination.strip(b"/"))


def make_directories(placement: Placement, path: bytes) -> None:
    """Make ``path`` (resolved, relative) and the directories above it that are missing: 0755, with the
    placement's owner or root's; below a setgid directory they inherit its group and the bit, as the kernel
    has it for mkdir. Raises CiBuilderError."""
    tree = placement.tree
    if path and tree.holds_back(path):
        raise CiBuilderError(
            f"/{os.fsdecode(path)} belongs to the surroundings of this build",
            hint="something of the job is mounted or kept there: put it where the image has nothing",
        )
    walked = b""
    for part in [item for item in path.split(b"/") if item]:
        parent, walked = walked, posixpath.join(walked, part)
        status = lookup(tree, walked, follow=False)
        if status is None:
            with _directory(tree, parent) as descriptor:
                os.mkdir(part, 0o755, dir_fd=descriptor)
                tree.ownership.chown(descriptor, part, *_inherited(placement, os.fstat(descriptor)))
        elif not stat.S_ISDIR(status.st_mode):
            raise CiBuilderError(f"/{os.fsdecode(walked)} is in the way: it is not a directory")


def _inherited(placement: Placement, parent: os.stat_result) -> tuple[int, int, int]:
    """Owner, group and permissions of a directory that is made in ``parent``."""
    above = placement.tree.ownership.status(parent)
    inherits = above.mode & stat.S_ISGID
    uid, gid = placement.owner or (0, above.gid if inherits else 0)
    return uid, gid, 0o755 | inherits


@contextlib.contextmanager
def _directory(tree: Tree, path: bytes) -> Iterator[int]:
    descriptor = os.open(os.path.join(os.fsencode(tree.root), path), _OPEN_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
