"""Owners and devices that a namespace of a single id cannot hold: pretended to the command, and recorded."""

from __future__ import annotations

import os
import stat as stat_module
from collections.abc import Iterable
from typing import BinaryIO

from ci_builder.rootfs.file_keys import FileKeys
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.record import PLAIN, Key, Record, Records
from ci_builder.rootfs.tree import Status
from ci_builder.values import dataclass, field, replace

_STAND_IN = stat_module.S_IFREG | 0o1000
KEEP = 0xFFFFFFFF  # as in chown(2): this id stays as it is


@dataclass(slots=True)
class SingleIdOwnership:
    """An Ownership for root of a namespace that has no other id.

    Permissions, setuid bits and most attributes are the kernel's; owners, devices and the attributes
    that it refuses are recorded by device and inode. Not for overlays, whose inodes change. ``gone`` are the
    files that the last command removed.
    """

    records: Records = field(default_factory=Records)
    gone: FileKeys = field(default_factory=FileKeys)

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        key = (found.st_dev, found.st_ino)
        old = self.records.get(key) or PLAIN
        if old.device is not None and found.st_mode == _STAND_IN and not found.st_size:
            kept = old.mode if mode is None else mode
            self.records.keep(key, Record(uid, gid, kept, old.device))
            return
        self.records.keep(key, Record(uid, gid))
        if mode is not None and not stat_module.S_ISLNK(found.st_mode):
            os.chmod(name, stat_module.S_IMODE(mode), dir_fd=parent)

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """See Ownership."""
        if stat_module.S_IFMT(mode) not in (stat_module.S_IFCHR, stat_module.S_IFBLK):
            os.mknod(name, mode, 0, dir_fd=parent)
            return
        found = make_stand_in(name, parent)
        self.made_device((found.st_dev, found.st_ino), mode, device)

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """See Ownership."""
        try:
            KernelOwnership().setxattr(parent, name, key, value)
        except OSError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            identity = (found.st_dev, found.st_ino)
            old = self.records.get(identity) or PLAIN
            xattrs = tuple(sorted((dict(old.xattrs) | {key: value}).items()))
            self.records.keep(identity, replace(old, xattrs=xattrs))

    def status(self, stat: os.stat_result) -> Status:
        """See Ownership."""
        key = (stat.st_dev, stat.st_ino)
        record = self.records.get(key) or PLAIN
        is_node = record.device is not None and stat.st_mode == _STAND_IN
        return Status(
            record.mode if is_node and record.mode is not None else stat.st_mode,
            record.uid,
            record.gid,
            stat.st_size,
            stat.st_mtime_ns,
            record.device if is_node and record.device is not None else stat.st_rdev,
            stat.st_nlink,
            key,
            record.xattrs,
        )

    def given(self, key: Key, uid: int, gid: int) -> None:
        """A command gave the file to ``uid``:``gid`` (KEEP: unchanged), which takes its capabilities, as in
        the kernel."""
        old = self.records.get(key) or PLAIN
        ids = (old.uid if uid == KEEP else uid, old.gid if gid == KEEP else gid)
        self.records.keep(key, Record(*ids, old.mode, old.device))

    def made(self, keys: Iterable[Key], uid: int, gid: int) -> None:
        """A command of that user made the files."""
        for key in keys:
            self.given(key, uid, gid)

    def made_device(self, key: Key, mode: int, device: int) -> None:
        """A file was made to stand for a device of st_mode ``mode`` and st_rdev ``device``."""
        self.records.keep(key, Record(mode=mode, device=device))

    def removed(self, key: Key) -> None:
        """The last name of the file is gone."""
        self.records.drop(key)
        self.gone.add(key)

    def write(self, file: BinaryIO) -> None:
        """See Known."""
        self.records.write(file)
        self.gone.write(file)

    def read(self, file: BinaryIO) -> None:
        """See Known."""
        self.records.read(file)
        self.gone.read(file)


def make_stand_in(name: bytes | str, parent: int | None = None) -> os.stat_result:
    """Make the empty file that stands for a device. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        os.fchmod(descriptor, _STAND_IN & 0o7777)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
