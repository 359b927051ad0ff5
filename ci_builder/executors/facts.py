"""What a command did to owners and devices that its namespace cannot hold: told, then recorded."""

from __future__ import annotations

import os
import stat as stat_module
from collections.abc import Iterable
from dataclasses import field

from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Status
from ci_builder.values import dataclass

_STAND_IN = stat_module.S_IFREG | 0o1000
KEEP = 0xFFFFFFFF  # as in chown(2): this id stays as it is


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to the file (``device``, ``inode``).

    ``owned``: it was given to ``first``:``second`` (KEEP: unchanged); ``node``: it stands for a device of
    st_mode ``first`` and st_rdev ``second``; ``gone``: its last name was removed.
    """

    kind: str
    device: int
    inode: int
    first: int = 0
    second: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of one file; ``mode`` (0: the kernel's) and ``rdev`` of a device."""

    uid: int = 0
    gid: int = 0
    mode: int = 0
    rdev: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


_PLAIN = Record()


@dataclass(slots=True)
class SingleIdOwnership:
    """An Ownership for root of a namespace that has no other id.

    Permissions, setuid bits and most attributes are the kernel's; owners, devices and the attributes
    that it refuses are recorded by device and inode. Not for overlays, whose inodes change.
    """

    _records: dict[tuple[int, int], Record] = field(default_factory=dict)

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        old = self._records.get((found.st_dev, found.st_ino), _PLAIN)
        node = old if old.mode and found.st_mode == _STAND_IN and not found.st_size else _PLAIN
        self._keep(found, Record(uid, gid, node.mode if mode is None else node.mode and mode, node.rdev))
        if mode is not None and not node.mode and not stat_module.S_ISLNK(found.st_mode):
            os.chmod(name, stat_module.S_IMODE(mode), dir_fd=parent)

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """See Ownership."""
        if stat_module.S_IFMT(mode) not in (stat_module.S_IFCHR, stat_module.S_IFBLK):
            os.mknod(name, mode, 0, dir_fd=parent)
            return
        found = make_stand_in(name, parent)
        self._keep(found, Record(mode=mode, rdev=device))

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """See Ownership."""
        try:
            KernelOwnership().setxattr(parent, name, key, value)
        except OSError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            old = self._records.get((found.st_dev, found.st_ino), _PLAIN)
            xattrs = tuple(sorted((dict(old.xattrs) | {key: value}).items()))
            self._keep(found, Record(old.uid, old.gid, old.mode, old.rdev, xattrs))

    def status(self, stat: os.stat_result) -> Status:
        """See Ownership."""
        key = (stat.st_dev, stat.st_ino)
        record = self._records.get(key, _PLAIN)
        node = record.mode and stat.st_mode == _STAND_IN
        return Status(
            record.mode if node else stat.st_mode,
            record.uid,
            record.gid,
            stat.st_size,
            stat.st_mtime_ns,
            record.rdev if node else stat.st_rdev,
            stat.st_nlink,
            key,
            record.xattrs,
        )

    def learn(self, facts: Iterable[Fact]) -> None:
        """Record what a command did, in its order."""
        for fact in facts:
            key = (fact.device, fact.inode)
            old = self._records.pop(key, _PLAIN)
            if fact.kind == "gone":
                continue
            if fact.kind == "node":
                record = Record(mode=fact.first, rdev=fact.second)
            else:
                uid = old.uid if fact.first == KEEP else fact.first
                gid = old.gid if fact.second == KEEP else fact.second
                # Giving a file away takes its capabilities, as in the kernel.
                record = Record(uid, gid, old.mode, old.rdev)
            if record != _PLAIN:
                self._records[key] = record

    def known(self, key: tuple[int, int]) -> Record | None:
        """The record of the file (device, inode), None when the kernel's word holds."""
        return self._records.get(key)

    def facts(self) -> tuple[Fact, ...]:
        """Everything that is recorded of owners and devices: ``learn`` makes the same record of it."""
        found = []
        for key, record in self._records.items():
            if record.mode:
                found.append(Fact("node", *key, record.mode, record.rdev))
            found.append(Fact("owned", *key, record.uid, record.gid))
        return tuple(found)

    def _keep(self, found: os.stat_result, record: Record) -> None:
        key = (found.st_dev, found.st_ino)
        self._records.pop(key, None)
        if record != _PLAIN:
            self._records[key] = record


def make_stand_in(name: bytes | str, parent: int | None = None) -> os.stat_result:
    """Make the empty file that stands for a device. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        os.fchmod(descriptor, _STAND_IN & 0o7777)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
