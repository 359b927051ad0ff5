"""What is in a tree, exact enough to find every change later without reading a file.

The kernel sets a file's ctime at every change of content or metadata, and no program can set it back;
with the inode number it tells also what was replaced. The names of each directory tell what was added,
removed or moved (the children of a renamed directory keep their ctime). mtime, and the mtime of
directories above, tell nothing certain and are not used.
"""

from __future__ import annotations

import os
import stat as stat_module
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.paths import open_directory
from ci_builder.rootfs.tree import Tree

# ctime, inode, device, size, mode, uid, gid, and a checksum of recorded attributes.
_FIELDS = struct.Struct("=qQQqIIIq")
_SIZE = _FIELDS.size
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_COARSEST = 2.0  # seconds between the ticks of the coarsest clock (FAT)
_MAX_WAIT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class _Folder:
    """A directory: its sorted names joined by zero bytes, and their packed fields in the same order."""

    names: bytes
    fields: bytes


_EMPTY = _Folder(b"", b"")


@dataclass(frozen=True, slots=True)
class Inventory:
    """The state of a tree at one moment: some 50 bytes and the name for each file."""

    _folders: dict[bytes, _Folder]

    @staticmethod
    def take(tree: Tree) -> Inventory:
        """Scan ``tree``. Returns when its file system's clock has moved on, so that a change made
        afterwards has a ctime of its own. Raises OSError."""
        with _Clock(tree.root) as clock:
            scan = _Scan(tree)
            inventory = Inventory(dict(scan.run()))
            clock.wait_after(scan.latest)
        return inventory

    def changes(self, tree: Tree) -> tuple[list[Change], Inventory]:
        """What changed in ``tree`` since this inventory, sorted by path, and a new inventory. The root
        directory itself is never reported. Raises OSError."""
        later = Inventory.take(tree)
        found: list[Change] = []
        for path, folder in later._folders.items():
            found += _compare(path, self._folders.get(path, _EMPTY), folder)
        # What lay in a directory that is gone goes with it: its parent reports the directory.
        return sorted(found), later


NOTHING = Inventory({})
"""Of an empty tree: everything is a change."""


def _compare(path: bytes, old: _Folder, new: _Folder) -> Iterator[Change]:
    if old == new:
        return
    prefix = path + b"/" if path else b""
    before = _entries(old)
    for name, fields in _entries(new).items():
        if before.pop(name, None) != fields:
            yield Change(prefix + name, "present")
    for name in before:
        yield Change(prefix + name, "absent")


def _entries(folder: _Folder) -> dict[bytes, bytes]:
    if not folder.names:
        return {}
    names = folder.names.split(b"\0")
    fields = folder.fields
    return {name: fields[at * _SIZE : (at + 1) * _SIZE] for at, name in enumerate(names)}


class _Scan:
    """One pass over a tree. ``latest``: the newest ctime seen, in nanoseconds."""

    def __init__(self, tree: Tree) -> None:
        self.latest = 0
        self._tree = tree
        self._status = tree.ownership.status
        # Directories that untouchable paths lie in: only their entries need to be looked at by name.
        self._holding = {os.path.dirname(path) for path in tree.untouchable}

    def run(self) -> Iterator[tuple[bytes, _Folder]]:
        """The directories with their paths, relative to the root."""
        root = os.open(self._tree.root, _LIST)
        pending = [b""]
        try:
            while pending:
                path = pending.pop()
                folder, below = self._folder(root, path)
                yield path, folder
                pending += below
        finally:
            os.close(root)

    def _folder(self, root: int, path: bytes) -> tuple[_Folder, list[bytes]]:
        prefix = path + b"/" if path else b""
        names: list[str] = []
        fields: list[bytes] = []
        below: list[bytes] = []
        descriptor = open_directory(root, path, _LIST)
        try:
            with os.scandir(descriptor) as found:
                entries = sorted(found, key=_name)
            if b"/" + path in self._holding:
                entries = [item for item in entries if not self._untouchable(prefix, item.name)]
            for item in entries:
                stat = item.stat(follow_symlinks=False)
                names.append(item.name)
                fields.append(self._fields(stat))
                if stat_module.S_ISDIR(stat.st_mode):
                    below.append(prefix + os.fsencode(item.name))
        finally:
            os.close(descriptor)
        return _Folder(os.fsencode("\0".join(names)), b"".join(fields)), below

    def _untouchable(self, prefix: bytes, name: str) -> bool:
        return b"/" + prefix + os.fsencode(name) in self._tree.untouchable

    def _fields(self, stat: os.stat_result) -> bytes:
        ctime = stat.st_ctime_ns
        self.latest = max(self.latest, ctime)
        status = self._status(stat)
        recorded = hash(status.xattrs) if status.xattrs else 0
        return _FIELDS.pack(
            ctime, stat.st_ino, stat.st_dev, stat.st_size, status.mode, status.uid, status.gid, recorded
        )


def _name(item: os.DirEntry[str]) -> str:
    return item.name


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
