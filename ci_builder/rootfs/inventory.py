"""What is in a tree, exact enough to find every change later without reading a file.

The kernel sets a file's ctime at every change of content or metadata, and no program can set it back;
with the inode number it tells also what was replaced. The names of each directory tell what was added,
removed or moved (the children of a renamed directory keep their ctime). mtime, and the mtime of
directories above, tell nothing certain and are not used.
"""

from __future__ import annotations

import itertools
import os
import stat as stat_module
import struct
import tempfile
import time
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType

from ci_builder.rootfs.changes import NO_CHANGES, Change, Changes, key_of, present_keys
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.walk import Names, child, side_by_side, sorted_names, split, walk
from ci_builder.values import dataclass

_LENGTHS = struct.Struct("=III")
_BLOCK = 256 << 10  # bytes that are compressed together
_MOST = 1 << 14  # names in a part
_COARSEST = 2.0  # seconds between the ticks of the coarsest clock (FAT)
_MAX_WAIT = 5.0  # seconds
_TYPE, _DIRECTORY = 0o170000, stat_module.S_IFDIR


@dataclass(frozen=True, slots=True)
class _Part:
    """A directory, or a part of a large one: its sorted names, each with a zero byte behind it, and in the
    same order 64 bits for what the kernel and the record say of each. When only one of these facts differs,
    so do the bits; when several do, they are the same by chance only (2^-64)."""

    path: bytes
    names: bytes
    marks: bytes

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Each name with its bits."""
        return zip(split(self.names), memoryview(self.marks).cast("q"), strict=True)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The state of a tree at one moment, compressed: some 15 bytes for each file."""

    _blocks: tuple[bytes, ...]

    @staticmethod
    def take(tree: Tree) -> Inventory:
        """Scan ``tree``. Returns when its file system's clock has moved on, so that a change made
        afterwards has a ctime of its own. Raises OSError."""
        _, inventory = _taken(tree, lambda parts: NO_CHANGES)
        return inventory

    def changes(self, tree: Tree) -> tuple[Changes, Inventory]:
        """What changed in ``tree`` since this inventory, and a new inventory. The root directory itself is
        never reported. Raises OSError."""
        return _taken(tree, lambda parts: Changes.of_keys(_differences(self._parts(), parts)))

    def _parts(self) -> Iterator[_Part]:
        for block in self._blocks:
            data = zlib.decompress(block)
            end = 0
            while end < len(data):
                start = end + _LENGTHS.size
                fields = []
                for length in _LENGTHS.unpack_from(data, end):
                    fields.append(data[start : start + length])
                    start += length
                end = start
                yield _Part(*fields)


def _taken(tree: Tree, look: Callable[[Iterator[_Part]], Changes]) -> tuple[Changes, Inventory]:
    """The inventory of ``tree`` as it is now, and what ``look`` makes of its parts."""
    written = _Written()
    with _Clock(tree.root) as clock:
        scan = _Scan(tree)
        parts = written.passing(scan.run())
        found = look(parts)
        for _ in parts:
            pass  # what nobody has looked at is kept as well
        clock.wait_after(scan.latest)
    return found, Inventory(written.blocks())


class _Written:
    """Directories on their way into an inventory."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open = bytearray()

    def passing(self, parts: Iterable[_Part]) -> Iterator[_Part]:
        """``parts``, each kept as it passes."""
        for part in parts:
            fields = (part.path, part.names, part.marks)
            self._open += _LENGTHS.pack(*map(len, fields))
            for value in fields:
                self._open += value
            if len(self._open) >= _BLOCK:
                self._close()
            yield part

    def blocks(self) -> tuple[bytes, ...]:
        """All of them."""
        self._close()
        return tuple(self._blocks)

    def _close(self) -> None:
        self._blocks.append(zlib.compress(self._open, 1))
        self._open.clear()


def _differences(before: Iterator[_Part], now: Iterator[_Part]) -> Iterator[bytes]:
    """As keys of changes."""
    earlier = itertools.groupby(before, _path)
    old = next(earlier, None)
    for path, parts in itertools.groupby(now, _path):
        # What lay in a directory that is gone goes with it: its parent reports the directory.
        while old is not None and _order(old[0]) < _order(path):
            old = next(earlier, None)
        if old is not None and old[0] == path:
            yield from map(key_of, _compare(path, old[1], parts))
        else:
            for part in parts:
                yield from present_keys(path, split(part.names))


def _compare(path: bytes, before: Iterator[_Part], now: Iterator[_Part]) -> Iterator[Change]:
    for one, other in itertools.zip_longest(before, now):
        if one == other:
            continue
        olds = _entries(itertools.chain(filter(None, (one,)), before))
        news = _entries(itertools.chain(filter(None, (other,)), now))
        for name, old, new in side_by_side(olds, news):
            if new is None:
                yield Change(child(path, name), "absent")
            elif old != new:
                yield Change(child(path, name), "present")


def _entries(parts: Iterable[_Part]) -> Iterator[tuple[bytes, int]]:
    return itertools.chain.from_iterable(part.entries() for part in parts)


def _path(part: _Part) -> bytes:
    return part.path


def _order(path: bytes) -> bytes:
    """Sorts as directories are walked."""
    return path.replace(b"/", b"\0")


class _Scan:
    """One pass over a tree. ``latest``: the newest ctime seen, in nanoseconds."""

    def __init__(self, tree: Tree) -> None:
        self.latest = 0
        self._tree = tree
        # What the kernel holds all of needs no second opinion.
        self._status = None if isinstance(tree.ownership, KernelOwnership) else tree.ownership.status
        # Directories that untouchable paths lie in: only their entries need to be looked at by name.
        self._holding = {os.path.dirname(path) for path in tree.untouchable}

    def run(self) -> Iterator[_Part]:
        """The directories, each before those in it."""
        return walk(self._tree.root, self._look)

    def _look(self, descriptor: int, path: bytes, below: Names) -> Iterator[_Part]:
        found = sorted_names(descriptor)
        if b"/" + path in self._holding:
            found = [name for name in found if b"/" + child(path, name) not in self._tree.untouchable]
        names = iter(found)
        first = list(itertools.islice(names, _MOST))
        yield self._part(descriptor, path, first, below)
        while some := list(itertools.islice(names, _MOST)):
            yield self._part(descriptor, path, some, below)

    def _part(self, descriptor: int, path: bytes, names: Sequence[bytes], below: Names) -> _Part:
        # The one loop over all files of an image: it calls little.
        marks, latest, status, stat = array("q"), self.latest, self._status, os.stat
        for name in names:
            found = stat(name, dir_fd=descriptor, follow_symlinks=False)
            ctime, mode = found.st_ctime_ns, found.st_mode
            latest = max(ctime, latest)
            facts: tuple[object, ...] = (ctime, found.st_ino, found.st_dev, found.st_size)
            if status is None:
                marks.append(hash((*facts, mode, found.st_uid, found.st_gid)))
            else:
                told = status(found)
                facts = (*facts, told.mode, told.uid, told.gid)
                marks.append(hash((*facts, told.xattrs) if told.xattrs else facts))
            if mode & _TYPE == _DIRECTORY:
                below.add(name)
        self.latest = latest
        return _Part(path, b"".join([name + b"\0" for name in names]), marks.tobytes())


class _Clock:
    """The clock that stamps the files of one file system, read from a file without a name on it."""

    def __init__(self, root: str) -> None:
        try:
            self._descriptor = _nameless_file(root)
        except OSError:
            self._descriptor = -1  # read-only or not ours: then the machine's clock has to do

    def __enter__(self) -> _Clock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def wait_after(self, latest: int) -> None:
        """Return when a change made now gets a ctime later than ``latest`` (nanoseconds)."""
        deadline = time.monotonic() + _MAX_WAIT
        while (now := self._now()) <= latest:
            # After the clock was set back, ctimes of the future cannot be met by chance.
            if latest - now > _MAX_WAIT * 1e9 or time.monotonic() > deadline:
                return
            time.sleep(0.001)

    def _now(self) -> int:
        if self._descriptor < 0:
            return time.time_ns() - int(_COARSEST * 1e9)
        os.fchmod(self._descriptor, 0o600)
        return os.fstat(self._descriptor).st_ctime_ns


def _nameless_file(root: str) -> int:
    try:
        return os.open(root, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        # Not every file system has O_TMPFILE (overlayfs learned it in Linux 6.1).
        descriptor, name = tempfile.mkstemp(prefix=".ci-builder-", dir=root)
        os.unlink(name)
        return descriptor
