"""Writing changes of a tree as the tar of a layer: sorted, deterministic, streamed."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat as stat_module
from collections.abc import Callable, Iterable, Iterator

from ci_builder.errors import OutputError
from ci_builder.progress import Notice, Progress, silent
from ci_builder.rootfs import tar_writer, whiteout
from ci_builder.rootfs.changes import Change, Changes
from ci_builder.rootfs.first_names import FirstNames
from ci_builder.rootfs.metadata import Metadata, Xattrs, all_xattrs, with_recorded
from ci_builder.rootfs.paths import Directories, Place
from ci_builder.rootfs.plain_files import READ, PlainFiles
from ci_builder.rootfs.second_packer import PackOrder, SecondPacker
from ci_builder.rootfs.tar_writer import entry_header, padding
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Status, Tree
from ci_builder.rootfs.xattrs import read_open_xattrs

_BLOCK = 1 << 20
_PART = 1 << 8  # changes that each of two processes packs at once
_MANY = 1 << 12  # changes that are worth a second process
_WHITEOUT = Metadata(stat_module.S_IFREG, 0, 0, 0)

Write = Callable[[bytes], object]


def pack(
    changes: Iterable[Change],
    tree: Tree,
    write: Write,
    progress: Progress = silent,
    times: Times = KEPT,
    *,
    longest: int = 0,
) -> None:
    """Write the tar of ``changes``, whose state is read from ``tree``, to ``write``.

    Directories above a change are included with what they are, as docker does; whiteouts come before
    what is new in their directory; files with several names among the changes are written once and
    linked. Sockets are left out with a notice. Paths must be real (no symbolic links above). ``times``
    says which times the files get, ``longest`` how many bytes a path may have (0: as many as it has). Raises
    OutputError naming the path when a file cannot be read or changes meanwhile.
    """
    found = Changes.of(changes)
    still = found.kept_in is tree
    with Directories(tree) as directories, _second(tree, len(found), times, still) as second:
        packing = Packing(directories, write, progress, times, still=still, longest=longest)
        if second is None:
            for change in _with_parents(found):
                packing.add(change)
        else:
            _pack_in_turns(packing, second, write, _with_parents(found))
    write(tar_writer.END)


@contextlib.contextmanager
def _second(tree: Tree, changes: int, times: Times, still: bool) -> Iterator[SecondPacker | None]:
    """A second process where it is worth one."""
    second = None
    if tree.hire is not None and changes >= _MANY and len(os.sched_getaffinity(0)) > 1:
        second = tree.hire(PackOrder(tree.root, tree.untouchable, times, still))
    try:
        yield second
    finally:
        if second is not None:
            second.close()


def _pack_in_turns(packing: Packing, second: SecondPacker, write: Write, changes: Iterator[Change]) -> None:
    """One part by this process, and the next by the ``second`` at the same time."""
    mine, theirs = _next_parts(changes, second)
    while mine:
        for change in mine:
            packing.add(change)
        done, tar = second.end()
        left = theirs[done:]
        # While this process writes what the second has packed, that packs its next part.
        mine, theirs = _next_parts(changes, second)
        write(tar)
        for change in left:
            packing.add(change)


def _next_parts(changes: Iterator[Change], second: SecondPacker) -> tuple[list[Change], list[Change]]:
    """The part that this process packs next, and the one that the ``second`` has begun with."""
    mine = list(itertools.islice(changes, _PART))
    theirs = list(itertools.islice(changes, _PART))
    present = itertools.takewhile(lambda change: change.kind == "present", theirs)
    second.begin([change.path for change in present])
    return mine, theirs


def _with_parents(changes: Changes) -> Iterator[Change]:
    """``changes``, and the directories above each before it."""
    shown = b""  # the last one that is present: what lies above it came before
    last = b""  # the directory of the last one
    for change in changes:
        folder = change.path if change.kind == "opaque" else change.path.rpartition(b"/")[0]
        if folder != last:
            last = folder
            for above in _missing(folder, shown):
                yield Change(above, "present")
                shown = above
        if change.kind == "present":
            shown = change.path
        yield change


def _missing(folder: bytes, shown: bytes) -> Iterator[bytes]:
    """``folder`` and what is above it, but for ``shown`` and what is above that."""
    end = 0
    while 0 <= end < len(folder):
        end = folder.find(b"/", end + 1)
        above = folder if end < 0 else folder[:end]
        if shown != above and not shown.startswith(above + b"/"):
            yield above


class Packing:
    """One tar on its way. ``still``: nobody writes to the tree meanwhile."""

    def __init__(
        self,
        directories: Directories,
        write: Write,
        progress: Progress,
        times: Times,
        *,
        still: bool,
        longest: int = 0,
    ) -> None:
        self._longest = longest
        self._directories = directories
        self._ownership = directories.tree.ownership
        self._write = write
        self._progress = progress
        self._times = times
        self._first = FirstNames()
        self._still = still
        self._plain = PlainFiles(directories, times, still=still)

    def add(self, change: Change) -> None:
        """Write one change. Raises OutputError."""
        try:
            member = self._plain.member(change.path) if change.kind == "present" else None
            if member is not None:
                self._write(member)
            else:
                self._plain.forget()
                self._add(change)
        except OSError as error:
            path = os.fsdecode(change.path)
            raise OutputError(f"cannot pack /{path}: {error.strerror or error}") from error

    def add_plain(self, path: bytes) -> bool:
        """Write what is present at ``path`` if that needs nothing of what came before and nobody has to be
        told anything. Whether it did. Raises OSError, OutputError."""
        member = self._plain.member(path)
        if member is not None:
            self._write(member)
            return True
        self._plain.forget()
        if len(path) > whiteout.MAX_PATH:
            return False
        place, status = self._look(path)
        return status.size < _BLOCK and self._is_written(place, status)

    def _add(self, change: Change) -> None:
        if self._longest:
            need_unpackable(change.path, self._longest)
        folder, slash, name = change.path.rpartition(b"/")
        if change.kind == "absent":
            self._write(entry_header(folder + slash + whiteout.PREFIX + name, _WHITEOUT))
        elif change.kind == "opaque":
            self._write(entry_header(change.path + b"/" + whiteout.OPAQUE, _WHITEOUT))
        else:
            self._present(change.path)

    def _look(self, path: bytes) -> tuple[Place, Status]:
        if path.rpartition(b"/")[2].startswith(whiteout.PREFIX):
            raise OutputError(f"/{os.fsdecode(path)} cannot be in a layer: it would hide a file")
        place = self._directories.place(path)
        if place.path != path:
            raise OutputError(f"cannot pack /{os.fsdecode(path)}: a symbolic link lies on the way")
        found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
        return place, self._ownership.status(found)

    def _present(self, path: bytes) -> None:
        place, status = self._look(path)
        if self._is_written(place, status):
            return
        kind = stat_module.S_IFMT(status.mode)
        metadata = self._metadata(status, all_xattrs(place.parent, place.name, status))
        if kind == stat_module.S_IFSOCK:
            self._progress(
                Notice("info", f"the socket /{os.fsdecode(path)} is left out: no layer can hold it")
            )
        elif (first := self._linked(path, status)) is not None:
            self._write(entry_header(path, metadata, link=first, hard=True))
        elif kind == stat_module.S_IFREG:
            self._file(place, status)
        elif kind == stat_module.S_IFLNK:
            self._link(place, metadata)
        else:
            self._write(entry_header(path, metadata, device=status.device))

    def _is_written(self, place: Place, status: Status) -> bool:
        """Whether it is a directory, or a file or symbolic link with one name: then it was written."""
        kind = stat_module.S_IFMT(status.mode)
        if kind == stat_module.S_IFREG and status.links < 2:
            self._file(place, status)
            return True
        if kind != stat_module.S_IFDIR and (kind != stat_module.S_IFLNK or status.links > 1):
            return False
        metadata = self._metadata(status, all_xattrs(place.parent, place.name, status))
        if kind == stat_module.S_IFLNK:
            self._link(place, metadata)
        else:
            self._write(entry_header(place.path, metadata))
        return True

    def _link(self, place: Place, metadata: Metadata) -> None:
        target = os.readlink(place.name, dir_fd=place.parent)
        self._write(entry_header(place.path, metadata, link=target))

    def _linked(self, path: bytes, status: Status) -> bytes | None:
        return None if status.links < 2 else self._first.other(status.key, path)

    def _metadata(self, status: Status, xattrs: Xattrs) -> Metadata:
        time = self._times.of(status.mtime_ns)
        return Metadata(status.mode, status.uid, status.gid, time, xattrs)

    def _file(self, place: Place, status: Status) -> None:
        if not status.size:
            xattrs = all_xattrs(place.parent, place.name, status)
            self._write(entry_header(place.path, self._metadata(status, xattrs)))
            return
        descriptor = os.open(place.name, READ, dir_fd=place.parent)
        try:
            if not self._still and not _is(descriptor, status):
                raise _changed(place.path)
            metadata = self._metadata(status, with_recorded(read_open_xattrs(descriptor), status))
            header = entry_header(place.path, metadata, size=status.size)
            write_file(self._write, header, descriptor, status.size, place.path)
        finally:
            os.close(descriptor)


def need_unpackable(path: bytes, longest: int = whiteout.MAX_PATH) -> None:
    """Raises OutputError for a path of more bytes than ``longest``."""
    if len(path) > longest:
        shown = f"/{os.fsdecode(path[:60])}…"
        text = f"{shown} cannot be in a layer: nobody could unpack a path of {len(path)} bytes"
        raise OutputError(text, hint=f"{longest} are the most")


def _is(descriptor: int, status: Status) -> bool:
    """Whether the open file is the one that was looked at."""
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == status.key and found.st_size == status.size


def write_file(write: Write, header: bytes, descriptor: int, size: int, path: bytes) -> None:
    """Write ``header``, the ``size`` bytes of an open file and what fills its last block, by one call when
    there are few. Raises OutputError naming ``path`` when the file changed, OSError."""
    if size < _BLOCK:
        # One byte more than is due shows that a file grew, without another call for each file.
        block = os.read(descriptor, size + 1)
        if len(block) < size:
            block += b"".join(contents(descriptor, size - len(block), path))
        elif len(block) > size:
            raise _changed(path)
        write(b"".join((header, block, padding(size))))
        return
    write(header)
    for block in contents(descriptor, size, path):
        write(block)
    write(padding(size))


def contents(descriptor: int, size: int, path: bytes) -> Iterator[bytes]:
    """The ``size`` bytes of an open file in blocks. Raises OutputError naming ``path`` when it changed."""
    left = size
    while left > 0:
        block = os.read(descriptor, min(left, _BLOCK) + 1)
        left -= len(block)
        if not block or left < 0:
            raise _changed(path)
        yield block


def _changed(path: bytes) -> OutputError:
    return OutputError(
        f"/{os.fsdecode(path)} changed while it was packed",
        hint="something still writes to it: a process that a RUN command left behind?",
    )
