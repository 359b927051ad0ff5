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
from dataclasses import dataclass, field

from ci_builder.build.copy.source import CopySource, Found
from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.metadata import Metadata, all_xattrs, set_metadata
from ci_builder.rootfs.paths import lookup, resolve
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Status, Tree

_BLOCK = 1 << 20
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Placement:
    """How files arrive: ``owner`` (uid, gid) or None to take the source's; ``mode`` permissions of
    --chmod or None to take the file's."""

    tree: Tree
    owner: tuple[int, int] | None
    mode: int | None

    def owner_of(self, status: Status, origin: CopySource) -> tuple[int, int]:
        """Owner for a file whose status where it comes from is ``status``."""
        if self.owner is not None:
            return self.owner
        return (status.uid, status.gid) if origin.keeps_owners else (0, 0)


@dataclass(slots=True)
class _Links:
    """Files with several names that were already copied: where their first copy lies."""

    first: dict[tuple[int, int], bytes] = field(default_factory=dict)


def place(found: Found, origin: CopySource, placement: Placement, destination: bytes) -> None:
    """Copy one thing to ``destination`` (absolute inside the root; a trailing slash means a directory).

    A directory's content goes into the destination, which keeps its own owner and mode or is made anew; a
    file goes to it, or into it when it is a directory. Raises CiBuilderError.
    """
    tree = placement.tree
    target = resolve_target(tree, destination)
    job = _Job(origin, placement, _Links())
    if stat.S_ISDIR(found.status.st_mode):
        make_directories(placement, target)
        with _directory(tree, target) as descriptor:
            _copy_children(job, found.path, descriptor, target)
        return
    there = lookup(tree, target)
    if destination.endswith(b"/") or (there is not None and stat.S_ISDIR(there.st_mode)):
        make_directories(placement, target)
        target = posixpath.join(target, found.name or posixpath.basename(found.path))
    parent, last = posixpath.split(target)
    make_directories(placement, parent)
    with _directory(tree, parent) as descriptor:
        _copy(job, found.path, (descriptor, last), target)


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


@dataclass(frozen=True, slots=True)
class _Job:
    origin: CopySource
    placement: Placement
    links: _Links


def _copy(job: _Job, source: bytes, where: tuple[int, bytes], target: bytes) -> None:
    if target in KERNEL_FOLDERS and job.placement.tree.holds_back(target):
        return  # every container has its own: what an image has there is never seen
    if job.placement.tree.holds_back(target):
        raise CiBuilderError(f"/{os.fsdecode(target)} belongs to the surroundings of this build")
    stat_result = os.lstat(job.origin.path(source))
    if stat.S_ISSOCK(stat_result.st_mode):
        return  # as docker's client does; nobody can use the socket of another process's time
    status = job.origin.tree.ownership.status(stat_result)
    if stat.S_ISDIR(status.mode):
        _copy_directory(job, source, where, target)
    else:
        _clear(where, target)
        if _linked(job, stat_result, target):
            return
        _make(job, source, where, status)
    _finish(job, source, where, status)


def _copy_directory(job: _Job, source: bytes, where: tuple[int, bytes], target: bytes) -> None:
    parent, name = where
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        job.placement.tree.ownership.chown(parent, name, 0, 0)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
            raise CiBuilderError(
                f"cannot copy the directory /{os.fsdecode(source)} over /{os.fsdecode(target)}: "
                "it is not a directory"
            ) from None
    descriptor = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
    try:
        _copy_children(job, source, descriptor, target)
    finally:
        os.close(descriptor)


def _copy_children(job: _Job, source: bytes, descriptor: int, target: bytes) -> None:
    for child in job.origin.children(source):
        below = posixpath.join(target, child)
        _copy(job, posixpath.join(source, child), (descriptor, child), below)


def _clear(where: tuple[int, bytes], target: bytes) -> None:
    parent, name = where
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
            raise
        raise CiBuilderError(f"cannot copy a file over /{os.fsdecode(target)}: it is a directory") from None


def _linked(job: _Job, found: os.stat_result, target: bytes) -> bool:
    """Link ``target`` to an earlier copy of the same file, as BuildKit keeps hard links within one source."""
    if found.st_nlink < 2:
        return False
    first = job.links.first.setdefault((found.st_dev, found.st_ino), target)
    if first == target:
        return False
    root = os.fsencode(job.placement.tree.root)
    os.link(os.path.join(root, first), os.path.join(root, target), follow_symlinks=False)
    return True


def _make(job: _Job, source: bytes, where: tuple[int, bytes], status: Status) -> None:
    parent, name = where
    kind = stat.S_IFMT(status.mode)
    path = job.origin.path(source)
    if kind == stat.S_IFREG:
        _copy_content(path, parent, name)
    elif kind == stat.S_IFLNK:
        os.symlink(os.readlink(path), name, dir_fd=parent)
    else:
        job.placement.tree.ownership.mknod(parent, name, status.mode, status.device)


def _copy_content(path: bytes, parent: int, name: bytes) -> None:
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        target = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            while copied := os.sendfile(target, source, None, _BLOCK):
                del copied
        finally:
            os.close(target)
    finally:
        os.close(source)


def _finish(job: _Job, source: bytes, where: tuple[int, bytes], status: Status) -> None:
    """Owner first (it clears setuid and capabilities), then mode, attributes, and times last."""
    parent, name = where
    chosen = job.placement.mode
    mode = status.mode if chosen is None else stat.S_IFMT(status.mode) | chosen
    xattrs = all_xattrs(-100, job.origin.path(source), status)
    uid, gid = job.placement.owner_of(status, job.origin)
    metadata = Metadata(mode, uid, gid, status.mtime_ns, xattrs)
    set_metadata(job.placement.tree.ownership, parent, name, metadata)


@contextlib.contextmanager
def _directory(tree: Tree, path: bytes) -> Iterator[int]:
    descriptor = os.open(os.path.join(os.fsencode(tree.root), path), _OPEN_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
