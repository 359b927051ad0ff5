"""Mounts where nothing can be mounted: for the time of a command, what is to be seen at a place is moved
there, and what was there is moved aside.

The command sees that the place can be renamed and removed, and that what is mounted read-only can be
changed; nothing of that reaches the image. What it writes ends where the mount's host is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat as stat_module
from collections.abc import Iterator, Sequence

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Mount
from ci_builder.executors.mount_points import Untouched
from ci_builder.rootfs.paths import Directories, Place
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree

_ASIDE = b".under-mount."


@contextlib.contextmanager
def swapped(tree: Tree, mounts: Sequence[Mount], untouched: list[Untouched]) -> Iterator[None]:
    """``mounts`` with real places, where something is (see stubs). ``untouched`` gets what only seems to
    have changed. Raises ExecutorError before anything has been moved, as far as it is one mount's fault."""
    with contextlib.ExitStack() as stack:
        for mount in mounts:
            stack.enter_context(_swapped(tree, mount, untouched))
        yield


@contextlib.contextmanager
def _swapped(tree: Tree, mount: Mount, untouched: list[Untouched]) -> Iterator[None]:
    path = os.fsencode(mount.place)[1:]
    if path.split(b"/")[0] in KERNEL_FOLDERS:
        raise ExecutorError(f"nothing can be mounted at {mount.place} without the right to mount")
    with Directories(tree) as directories:
        place = directories.place(path)
        parent = os.dup(place.parent)
        name = place.name
    try:
        untouched += [Untouched.of(os.path.dirname(path), parent, b"."), Untouched.of(path, parent, name)]
        times = os.stat(b".", dir_fd=parent)
        aside = _ASIDE + name
        kind = stat_module.S_IFMT(os.lstat(mount.host).st_mode)
        if stat_module.S_ISLNK(kind):
            raise ExecutorError(f"what is to be mounted at {mount.place} is a symbolic link")
        _move_aside(parent, (name, aside), mount)
        moved = _put(tree, mount, parent, name)
        _set_times(parent, times)
        try:
            yield
        finally:
            after = os.stat(b".", dir_fd=parent)
            _take(tree, mount, (parent, name), moved, kind)
            os.rename(aside, name, src_dir_fd=parent, dst_dir_fd=parent)
            _set_times(parent, after)
    finally:
        os.close(parent)


def _move_aside(parent: int, names: tuple[bytes, bytes], mount: Mount) -> None:
    try:
        os.rename(names[0], names[1], src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        raise ExecutorError(
            f"nothing can be mounted at {mount.place} without the right to mount: what the image has there "
            f"cannot be moved aside ({error.strerror})"
        ) from error


def _put(tree: Tree, mount: Mount, parent: int, name: bytes) -> bool:
    """Whether it was moved, and not copied."""
    try:
        os.rename(mount.host, name, dst_dir_fd=parent)
        return True
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise ExecutorError(f"nothing can be mounted at {mount.place}: {error.strerror}") from error
    status = os.lstat(mount.host)
    if stat_module.S_ISSOCK(status.st_mode):
        os.symlink(mount.host, name, dir_fd=parent)
    else:
        _copy(mount.host, f"/proc/self/fd/{parent}/{os.fsdecode(name)}")
    return False


def _take(tree: Tree, mount: Mount, where: tuple[int, bytes], moved: bool, kind: int) -> None:
    """Back to the host what lies at the place, if it still is of the ``kind`` (S_IFMT) that was put there:
    anything else, such as a link to somewhere, is the command's, and goes."""
    parent, name = where
    status = _status(parent, name)
    is_the_same = status is not None and stat_module.S_IFMT(status.st_mode) == kind
    if moved and is_the_same:
        os.rename(name, mount.host, src_dir_fd=parent)
        return
    if moved and kind == stat_module.S_IFDIR:
        # An empty one, for whoever looks after it.
        os.mkdir(mount.host, 0o755)
    elif is_the_same and kind == stat_module.S_IFDIR and not mount.read_only:
        shutil.rmtree(mount.host)
        _copy(f"/proc/self/fd/{parent}/{os.fsdecode(name)}", mount.host)
    if status is not None:
        remove(tree, Place(parent, name, os.fsencode(mount.place)[1:]))


def _copy(source: str, target: str) -> None:
    """A folder or file with owners, modes and times (root does this)."""
    if not stat_module.S_ISDIR(os.lstat(source).st_mode):
        _copy_file(source, target)
        return
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_file)
    for folder, folders, files in os.walk(source):
        relative = os.path.relpath(folder, source)
        for item in (*folders, *files, "."):
            status = os.lstat(os.path.join(folder, item))
            there = os.path.normpath(os.path.join(target, relative, item))
            _own(status, there)


def _copy_file(source: str, target: str) -> str:
    shutil.copy2(source, target, follow_symlinks=False)
    _own(os.lstat(source), target)
    return target


def _own(status: os.stat_result, target: str) -> None:
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat_module.S_ISLNK(status.st_mode):
        os.chmod(target, stat_module.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _status(parent: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _set_times(parent: int, times: os.stat_result) -> None:
    os.utime(b".", ns=(times.st_atime_ns, times.st_mtime_ns), dir_fd=parent)
