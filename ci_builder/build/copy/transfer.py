"""The files of one source on their way into a root file system.

A directory of the target is made when something is put into it, or when it is selected itself, and
entered by its descriptor: no symbolic link is followed on the way.
"""

from __future__ import annotations

import os
import posixpath
import stat

from ci_builder.build.copy.permissions import Permissions
from ci_builder.build.copy.selection import Selection
from ci_builder.build.copy.source import CopySource
from ci_builder.errors import CiBuilderError
from ci_builder.rootfs.first_names import FirstNames
from ci_builder.rootfs.metadata import Metadata, set_metadata
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Status, Tree
from ci_builder.values import dataclass, field

_BLOCK = 1 << 20
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Placement:
    """How files arrive: ``owner`` (uid, gid) or None to take the source's; ``mode`` what --chmod makes of
    permissions, or None to take the file's."""

    tree: Tree
    owner: tuple[int, int] | None
    mode: Permissions | None

    def owner_of(self, status: Status, origin: CopySource) -> tuple[int, int]:
        """Owner for a file whose status where it comes from is ``status``."""
        if self.owner is not None:
            return self.owner
        return (status.uid, status.gid) if origin.keeps_owners else (0, 0)

    def holds_back(self, target: bytes) -> bool:
        """Whether nothing is put at ``target``, where the kernel has its own. Raises CiBuilderError where the
        surroundings of the build have theirs."""
        if not self.tree.holds_back(target):
            return False
        if target in KERNEL_FOLDERS:
            return True  # every container has its own: what an image has there is never seen
        raise CiBuilderError(f"/{os.fsdecode(target)} belongs to the surroundings of this build")


@dataclass(slots=True)
class Folder:
    """A directory of the target at ``path``: open, or yet to be made in ``parent`` like ``source``."""

    path: bytes
    source: bytes
    parent: Folder | None = None
    descriptor: int = -1
    made: bool = False

    @property
    def name(self) -> bytes:
        """Its name in its parent."""
        return posixpath.basename(self.path)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is copied: the files of ``origin`` that are ``selected``. ``links`` are files with several
    names that were already copied: where their first copy lies."""

    origin: CopySource
    placement: Placement
    selection: Selection
    links: FirstNames = field(default_factory=FirstNames)

    def content(self, source: bytes, below: bytes, into: Folder) -> None:
        """Copy what is in the directory ``source``, which is ``below`` where the selection counts from.
        Raises CiBuilderError, OSError."""
        for name in self.origin.children(source):
            self._entry(posixpath.join(source, name), posixpath.join(below, name), into)

    def single(self, source: bytes, name: bytes, into: Folder) -> None:
        """Copy the file ``source`` to ``name`` in ``into``, which is open. Raises CiBuilderError, OSError."""
        self._file(source, os.lstat(self.origin.path(source)), posixpath.join(into.path, name), into)

    def _entry(self, source: bytes, below: bytes, into: Folder) -> None:
        found = os.lstat(self.origin.path(source))
        target = posixpath.join(into.path, posixpath.basename(source))
        if stat.S_ISDIR(found.st_mode):
            if self.selection.takes(below) or self.selection.enters(below):
                self._directory(source, below, Folder(target, source, into))
        elif self.selection.takes(below):
            self._file(source, found, target, into)

    def _directory(self, source: bytes, below: bytes, folder: Folder) -> None:
        if self.placement.holds_back(folder.path):
            return
        taken = self.selection.takes(below)
        try:
            if taken:
                self._open(folder)
            if self.selection.enters(below):
                self.content(source, below, folder)
        finally:
            if folder.descriptor >= 0:
                os.close(folder.descriptor)
        if folder.parent is not None and folder.descriptor >= 0:
            status = self.origin.tree.ownership.status(os.lstat(self.origin.path(source)))
            where = (folder.parent.descriptor, folder.name)
            if taken or folder.made:
                self._finish(source, where, status)
            else:
                self._adjust(where, status)

    def _adjust(self, where: tuple[int, bytes], status: Status) -> None:
        """A directory that was there and is only on the way: BuildKit gives it the source's permissions."""
        ownership = self.placement.tree.ownership
        there = ownership.status(os.lstat(where[1], dir_fd=where[0]))
        ownership.chown(*where, there.uid, there.gid, status.mode)

    def _open(self, folder: Folder) -> int:
        """The descriptor of ``folder``, which is made with all that is above when it is not there."""
        if folder.descriptor >= 0 or folder.parent is None:
            return folder.descriptor
        parent = self._open(folder.parent)
        try:
            os.mkdir(folder.name, 0o700, dir_fd=parent)
            self.placement.tree.ownership.chown(parent, folder.name, 0, 0)
            folder.made = True
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(folder.name, dir_fd=parent).st_mode):
                raise CiBuilderError(
                    f"cannot copy the directory /{os.fsdecode(folder.source)} over "
                    f"/{os.fsdecode(folder.path)}: it is not a directory"
                ) from None
        folder.descriptor = os.open(folder.name, _OPEN_DIRECTORY, dir_fd=parent)
        return folder.descriptor

    def _file(self, source: bytes, found: os.stat_result, target: bytes, into: Folder) -> None:
        if self.placement.holds_back(target) or stat.S_ISSOCK(found.st_mode):
            # As docker's client leaves sockets out: nobody can use that of another process's time.
            return
        where = (self._open(into), posixpath.basename(target))
        status = self.origin.tree.ownership.status(found)
        _clear(where, target)
        if not self._linked(found, target):
            self._make(source, where, status)
            self._finish(source, where, status)

    def _linked(self, found: os.stat_result, target: bytes) -> bool:
        """Link ``target`` to an earlier copy of the same file, as BuildKit keeps hard links within one
        source."""
        if found.st_nlink < 2:
            return False
        first = self.links.other((found.st_dev, found.st_ino), target)
        if first is None:
            return False
        root = os.fsencode(self.placement.tree.root)
        os.link(os.path.join(root, first), os.path.join(root, target), follow_symlinks=False)
        return True

    def _make(self, source: bytes, where: tuple[int, bytes], status: Status) -> None:
        parent, name = where
        kind = stat.S_IFMT(status.mode)
        path = self.origin.path(source)
        if kind == stat.S_IFREG:
            _copy_content(path, parent, name)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(path), name, dir_fd=parent)
        else:
            self.placement.tree.ownership.mknod(parent, name, status.mode, status.device)

    def _finish(self, source: bytes, where: tuple[int, bytes], status: Status) -> None:
        """Owner first (it clears setuid and capabilities), then mode, attributes, and times last."""
        parent, name = where
        chosen = self.placement.mode
        mode = status.mode if chosen is None else chosen.apply(status.mode)
        xattrs = self.origin.xattrs(source, status)
        uid, gid = self.placement.owner_of(status, self.origin)
        metadata = Metadata(mode, uid, gid, status.mtime_ns, xattrs)
        set_metadata(self.placement.tree.ownership, parent, name, metadata)


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
