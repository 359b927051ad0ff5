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
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Mount
from ci_builder.executors.mount_points import Untouched
from ci_builder.executors.parted import part
from ci_builder.executors.removal import remove_folder
from ci_builder.rootfs.paths import Directories, Place
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.values import dataclass

_ASIDE = b".under-mount."
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR)


@contextlib.contextmanager
def swapped(tree: Tree, mounts: Sequence[Mount], untouched: list[Untouched], own: Path) -> Iterator[None]:
    """``mounts`` with real places, where something is (see stubs). ``own`` becomes a folder that what was
    there is moved to. ``untouched`` gets what only seems to have changed. Raises ExecutorError: before
    anything has been moved, as far as it is one mount's fault; in the end for what a command made of it."""
    with contextlib.ExitStack() as stack:
        own.mkdir(mode=0o700)
        stack.callback(remove_folder, str(own))
        for number, mount in enumerate(mounts):
            stack.enter_context(_swapped(tree, mount, untouched, own / str(number)))
        yield


@dataclass(frozen=True, slots=True)
class _Aside:
    """Where what the image has at a place waits: ``name`` in the open directory ``parent``, or, where that
    is another file system than ``path``'s, beside it."""

    parent: int
    name: bytes
    path: Path

    def put(self, mount: Mount) -> _Aside:
        """Move it there. Raises ExecutorError."""
        try:
            try:
                os.rename(self.name, self.path, src_dir_fd=self.parent)
                return self
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            beside = _ASIDE + self.name
            os.rename(self.name, beside, src_dir_fd=self.parent, dst_dir_fd=self.parent)
            return _Aside(self.parent, self.name, Path(f"/proc/self/fd/{self.parent}/{os.fsdecode(beside)}"))
        except OSError as error:
            raise ExecutorError(
                f"nothing can be mounted at {mount.place} without the right to mount: what the image has "
                f"there cannot be moved aside ({error.strerror})"
            ) from error

    def take(self, tree: Tree, mount: Mount) -> None:
        """Move it back, even where the command has removed the folder it was in. Raises ExecutorError."""
        try:
            os.rename(self.path, self.name, dst_dir_fd=self.parent)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self._take_anew(tree, mount)

    def _take_anew(self, tree: Tree, mount: Mount) -> None:
        try:
            with Directories(tree) as directories:
                place = directories.place(os.fsencode(mount.place)[1:], create=True)
                os.rename(self.path, place.name, dst_dir_fd=place.parent)
        except OSError as error:
            raise ExecutorError(
                f"the command removed or replaced what {mount.place} is mounted in ({error.strerror})"
            ) from error


@contextlib.contextmanager
def _swapped(tree: Tree, mount: Mount, untouched: list[Untouched], aside: Path) -> Iterator[None]:
    path = os.fsencode(mount.place)[1:]
    if path.split(b"/")[0] in KERNEL_FOLDERS:
        raise ExecutorError(f"nothing can be mounted at {mount.place} without the right to mount")
    if os.path.islink(mount.host):
        raise ExecutorError(f"what is to be mounted at {mount.place} is a symbolic link")
    with Directories(tree) as directories:
        place = directories.place(path)
        parent, name = os.dup(place.parent), place.name
    try:
        untouched += [Untouched.of(os.path.dirname(path), parent, b"."), Untouched.of(path, parent, name)]
        times = os.stat(b".", dir_fd=parent)
        beneath = _Aside(parent, name, aside).put(mount)
        shown = _put(mount, parent, name)
        _set_times(parent, times)
        try:
            yield
        finally:
            after = os.stat(b".", dir_fd=parent)
            try:
                shown.take(tree, mount)
            finally:
                beneath.take(tree, mount)
                _set_times(parent, after)
    finally:
        os.close(parent)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a mount shows, at ``name`` in the open directory ``parent``; ``file`` is open, and had ``links``
    names; ``moved``: it is the mount's host itself, and no copy."""

    parent: int
    name: bytes
    file: int
    links: int
    moved: bool

    def take(self, tree: Tree, mount: Mount) -> None:
        """Back to the host, if it still is there: anything else, such as a link to somewhere, is the
        command's, and goes. Raises ExecutorError where it is elsewhere."""
        put, there = os.fstat(self.file), _status(self.parent, self.name)
        same = there is not None and os.path.samestat(there, put)
        done = "" if same or not put.st_nlink else "moved"
        if stat_module.S_ISDIR(put.st_mode):
            self._take_folder(mount, same=same, is_elsewhere=bool(done))
        elif put.st_nlink > self.links:
            done = "made another name for"
        elif same and self.moved:
            os.rename(self.name, mount.host, src_dir_fd=self.parent)
        os.close(self.file)
        if _status(self.parent, self.name) is not None:
            remove(tree, Place(self.parent, self.name, os.fsencode(mount.place)[1:]))
        if done:
            raise ExecutorError(
                f"the command {done} what is mounted at {mount.place}, which would be part of the image",
                hint="copy it; under docker this command fails, too",
            )

    def _take_folder(self, mount: Mount, *, same: bool, is_elsewhere: bool) -> None:
        if same and not self.moved:
            if not mount.read_only:
                shutil.rmtree(mount.host)
                _copy(f"/proc/self/fd/{self.parent}/{os.fsdecode(self.name)}", mount.host)
            return
        if not self.moved:
            return
        if same:
            os.rename(self.name, mount.host, src_dir_fd=self.parent)
        elif is_elsewhere:
            os.rename(os.readlink(f"/proc/self/fd/{self.file}"), mount.host)
        else:
            # An empty one, for whoever looks after it.
            os.mkdir(mount.host, 0o755)
        if not mount.read_only:
            part(mount.host)


def _put(mount: Mount, parent: int, name: bytes) -> _Shown:
    """Move it there, or copy it."""
    moved = True
    try:
        os.rename(mount.host, name, dst_dir_fd=parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise ExecutorError(f"nothing can be mounted at {mount.place}: {error.strerror}") from error
        moved = False
        if stat_module.S_ISSOCK(os.lstat(mount.host).st_mode):
            os.symlink(mount.host, name, dir_fd=parent)
        else:
            _copy(mount.host, f"/proc/self/fd/{parent}/{os.fsdecode(name)}")
    file = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    return _Shown(parent, name, file, os.fstat(file).st_nlink, moved)


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
