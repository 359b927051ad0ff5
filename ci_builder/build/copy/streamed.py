"""A copy whose files go from where they are straight into the layer: none is written to disk first.

It gives the bytes that copying and then packing gives, where the files are not needed any more: in the last
step of a stage, or when no command of the stage will run (issue 5, W7).
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import time
from collections.abc import Iterator

from ci_builder.build.copy.place import make_directories, resolve_target
from ci_builder.build.copy.source import CopySource, Found
from ci_builder.build.copy.transfer import Placement
from ci_builder.errors import CiBuilderError, OutputError
from ci_builder.rootfs import tar_writer, whiteout
from ci_builder.rootfs.first_names import FirstNames
from ci_builder.rootfs.metadata import (
    Metadata,
    Xattrs,
    read_metadata,
    set_metadata,
    set_time,
)
from ci_builder.rootfs.pack import Write, need_unpackable, write_file
from ci_builder.rootfs.paths import Directories, lookup
from ci_builder.rootfs.tar_writer import entry_header
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Status
from ci_builder.rootfs.walk import child
from ci_builder.rootfs.xattrs import belongs_to_host
from ci_builder.values import dataclass

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PLACEHOLDER = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Streamed:
    """One source on its way into a layer. ``placement.tree`` is what the image has below: its directories,
    links and names; files may be empty there. ``traces``: what was copied is to be seen in it afterwards, its
    files empty."""

    found: Found
    origin: CopySource
    placement: Placement
    destination: bytes
    times: Times
    traces: bool

    def write(self, write: Write) -> None:
        """Write the whole tar. Raises CiBuilderError, OSError."""
        target, parent = self._target()
        make_directories(self.placement, parent)
        now = time.time_ns()
        of_parent = self.found.status.st_mtime_ns if self._is_directory else now
        for above in _with_those_above(parent):
            self._directory_that_is_there(above, write, of_parent if above == parent else None)
        with Directories(self.placement.tree) as directories:
            self._content(_Walk(self, write, FirstNames(), directories), target)
        write(tar_writer.END)

    @property
    def _is_directory(self) -> bool:
        return stat.S_ISDIR(self.found.status.st_mode)

    def _content(self, walk: _Walk, target: bytes) -> None:
        if self._is_directory:
            walk.content(self.found.path, target, is_there=True)
            if self.traces:
                place = walk.directories.place(target)
                set_time(place.parent, place.name, self.found.status.st_mtime_ns)
        else:
            path = self.found.path
            walk.file(path, os.lstat(self.origin.path(path)), target, is_there=True)

    def _target(self) -> tuple[bytes, bytes]:
        """Where the source goes, and the directory that has to be there for it; as ``place`` has it."""
        tree = self.placement.tree
        target = resolve_target(tree, self.destination)
        if self._is_directory:
            return target, target
        there = lookup(tree, target)
        if self.destination.endswith(b"/") or (there is not None and stat.S_ISDIR(there.st_mode)):
            target = posixpath.join(target, self.found.name or posixpath.basename(self.found.path))
        return target, posixpath.dirname(target)

    def _directory_that_is_there(self, path: bytes, write: Write, mtime: int | None) -> None:
        """``mtime``: its time, where that is another one now."""
        with Directories(self.placement.tree) as directories:
            place = directories.place(path)
            metadata, _ = read_metadata(self.placement.tree.ownership, place.parent, place.name)
        when = metadata.mtime_ns if mtime is None else mtime
        write(entry_header(path, _at(metadata, self.times.of(when))))


@dataclass(frozen=True, slots=True)
class _Walk:
    """The files below one source, in the order of a layer: directories before what is in them, by name."""

    of: Streamed
    write: Write
    links: FirstNames
    directories: Directories

    def content(self, source: bytes, target: bytes, *, is_there: bool) -> None:
        """What is in the directory ``source``; ``is_there``: the image below has ``target``."""
        origin = self.of.origin
        for name in origin.children(source):
            path, below = child(source, name), child(target, name)
            status = os.lstat(origin.path(path))
            if stat.S_ISDIR(status.st_mode):
                self._directory(path, status, below, is_there=is_there)
            else:
                self.file(path, status, below, is_there=is_there)

    def _directory(self, source: bytes, found: os.stat_result, target: bytes, *, is_there: bool) -> None:
        if self.of.placement.holds_back(target):
            return
        there = lookup(self.of.placement.tree, target, follow=False) if is_there else None
        if there is not None and not stat.S_ISDIR(there.st_mode):
            raise CiBuilderError(
                f"cannot copy the directory /{os.fsdecode(source)} over /{os.fsdecode(target)}: it is not a "
                "directory"
            )
        origin = self.of.origin
        status = origin.tree.ownership.status(found)
        metadata = self._metadata(status, origin.xattrs(source, status))
        self._emit(target, metadata)
        if self.of.traces and there is None:
            place = self.directories.place(target)
            os.mkdir(place.name, 0o700, dir_fd=place.parent)
        self.content(source, target, is_there=there is not None)
        if self.of.traces:
            place = self.directories.place(target)
            set_metadata(self.of.placement.tree.ownership, place.parent, place.name, metadata)

    def file(self, source: bytes, found: os.stat_result, target: bytes, *, is_there: bool) -> None:
        """Anything but a directory."""
        if self.of.placement.holds_back(target) or stat.S_ISSOCK(found.st_mode):
            return
        there = lookup(self.of.placement.tree, target, follow=False) if is_there else None
        if there is not None and stat.S_ISDIR(there.st_mode):
            raise CiBuilderError(f"cannot copy a file over /{os.fsdecode(target)}: it is a directory")
        if target.startswith(whiteout.PREFIX, target.rfind(b"/") + 1):
            raise OutputError(f"/{os.fsdecode(target)} cannot be in a layer: it would hide a file")
        first = self.links.other((found.st_dev, found.st_ino), target) if found.st_nlink > 1 else None
        status = self.of.origin.tree.ownership.status(found)
        if first is None and status.size and stat.S_ISREG(status.mode):
            self._regular(source, status, target)
            link = b""
        else:
            link = self._empty(source, status, target, first)
        if self.of.traces:
            self._trace(target, link)

    def _empty(self, source: bytes, status: Status, target: bytes, first: bytes | None) -> bytes:
        """What has no content in the layer; the target of a symbolic link."""
        metadata = self._metadata(status, self.of.origin.xattrs(source, status))
        if first is not None:
            self._emit(target, metadata, link=first, hard=True)
        elif stat.S_ISLNK(status.mode):
            link = os.readlink(self.of.origin.path(source))
            self._emit(target, metadata, link=link)
            return link
        else:
            self._emit(target, metadata, device=0 if stat.S_ISREG(status.mode) else status.device)
        return b""

    def _regular(self, source: bytes, status: Status, target: bytes) -> None:
        need_unpackable(target)
        descriptor = os.open(self.of.origin.path(source), _READ)
        try:
            metadata = self._metadata(status, self.of.origin.open_xattrs(descriptor, status))
            header = entry_header(target, self._shown(metadata), size=status.size)
            write_file(self.write, header, descriptor, status.size, target)
        finally:
            os.close(descriptor)

    def _emit(
        self,
        target: bytes,
        metadata: Metadata,
        *,
        link: bytes = b"",
        hard: bool = False,
        device: int = 0,
    ) -> None:
        need_unpackable(target)
        self.write(entry_header(target, self._shown(metadata), link=link, hard=hard, device=device))

    def _shown(self, metadata: Metadata) -> Metadata:
        """As the layer has it."""
        times = self.of.times
        return metadata if times == KEPT else _at(metadata, times.of(metadata.mtime_ns))

    def _metadata(self, status: Status, xattrs: Xattrs) -> Metadata:
        """What a file gets that has ``xattrs`` where it comes from."""
        origin, placement = self.of.origin, self.of.placement
        mode = status.mode if placement.mode is None else placement.mode.apply(status.mode)
        if stat.S_ISLNK(mode):
            mode = stat.S_IFLNK | 0o777
        if xattrs:
            xattrs = tuple((key, value) for key, value in xattrs if not belongs_to_host(key))
        return Metadata(mode, *placement.owner_of(status, origin), status.mtime_ns, xattrs)

    def _trace(self, target: bytes, link: bytes) -> None:
        """Its name, which later copies have to see."""
        place = self.directories.place(target)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.name, dir_fd=place.parent)
            self.directories.forget(place.parent)
        if link:
            os.symlink(link, place.name, dir_fd=place.parent)
        else:
            os.close(os.open(place.name, _PLACEHOLDER, 0o600, dir_fd=place.parent))


def _at(metadata: Metadata, mtime_ns: int) -> Metadata:
    return Metadata(metadata.mode, metadata.uid, metadata.gid, mtime_ns, metadata.xattrs)


def _with_those_above(path: bytes) -> Iterator[bytes]:
    """``path`` and the directories above it, the highest first; not the root."""
    end = 0
    while path and end >= 0:
        end = path.find(b"/", end + 1)
        yield path if end < 0 else path[:end]
