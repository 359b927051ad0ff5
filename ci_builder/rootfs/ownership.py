"""The two Ownerships: what the kernel holds, and what a record holds in its place."""

from __future__ import annotations

import errno
import os
import stat as stat_module

from ci_builder.rootfs.record import PLAIN, Record, Records
from ci_builder.rootfs.tree import Status
from ci_builder.rootfs.xattrs import set_xattr
from ci_builder.values import dataclass, field, replace

_DEVICES = (stat_module.S_IFCHR, stat_module.S_IFBLK)
# Permissions of the empty file that stands in for a device. No other file of a recorded tree has them
# (their owner can always read and write), so a record of a device cannot pass to a later file.
STAND_IN = 0o1000
_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSPC, errno.E2BIG, errno.ERANGE)


@dataclass(frozen=True, slots=True)
class KernelOwnership:
    """The kernel keeps owners, devices and attributes: real root, or root of a user namespace.

    ``stand_ins``: where mknod of a device is refused (a user namespace), an empty file without
    permissions takes its place, so that a base with device nodes can be unpacked at all.
    """

    stand_ins: bool = False

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
        if mode is not None and not stat_module.S_ISLNK(mode):
            os.chmod(name, stat_module.S_IMODE(mode), dir_fd=parent)

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """See Ownership."""
        try:
            os.mknod(name, mode, device, dir_fd=parent)
        except PermissionError:
            if not self.stand_ins or stat_module.S_IFMT(mode) not in _DEVICES:
                raise
            _make_empty(parent, name, 0)

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """See Ownership."""
        set_xattr(parent, name, key, value)

    def status(self, stat: os.stat_result) -> Status:
        """See Ownership."""
        return Status(
            stat.st_mode,
            stat.st_uid,
            stat.st_gid,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_rdev,
            stat.st_nlink,
            (stat.st_dev, stat.st_ino),
        )


@dataclass(slots=True)
class RecordedOwnership:
    """A record for a process that may neither chown nor mknod: a kernel-level ordinary user.

    Files of ``own_uid``:``own_gid`` (this process's ids) count as root's unless the record says
    otherwise, so a plain file needs no record. On disk the owner can always read and write (and search
    directories); the true bits are recorded. The record is keyed by device and inode: it survives
    renames and serves every hard link. A traced program's removals are told with ``forget``.
    """

    own_uid: int
    own_gid: int
    records: Records = field(default_factory=Records)

    def chown(self, parent: int, name: bytes, uid: int, gid: int, mode: int | None = None) -> None:
        """See Ownership."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        key = (found.st_dev, found.st_ino)
        old = self.records.get(key) or PLAIN
        record = Record(uid, gid)
        if is_stand_in(found) and old.device is not None:
            kept = old.mode if mode is None else mode
            record = replace(record, mode=kept, device=old.device)
        elif mode is not None and not stat_module.S_ISLNK(found.st_mode):
            record = replace(record, mode=_set_mode(parent, name, found.st_mode, mode))
        self.records.keep(key, record)

    def mknod(self, parent: int, name: bytes, mode: int, device: int) -> None:
        """See Ownership."""
        if stat_module.S_IFMT(mode) not in _DEVICES:
            os.mknod(name, mode | 0o600, 0, dir_fd=parent)
            return
        _make_empty(parent, name, STAND_IN)
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        self.records.keep((found.st_dev, found.st_ino), Record(mode=mode, device=device))

    def setxattr(self, parent: int, name: bytes, key: str, value: bytes) -> None:
        """See Ownership. ``user.*`` goes to the file where the kernel takes it."""
        if key.startswith("user."):
            try:
                set_xattr(parent, name, key, value)
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
            else:
                return
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        identity = (found.st_dev, found.st_ino)
        record = self.records.get(identity) or PLAIN
        xattrs = dict(record.xattrs) | {key: value}
        self.records.keep(identity, replace(record, xattrs=tuple(sorted(xattrs.items()))))

    def status(self, stat: os.stat_result) -> Status:
        """See Ownership."""
        key = (stat.st_dev, stat.st_ino)
        record = self.records.get(key)
        if record is not None and record.device is not None and not is_stand_in(stat):
            self.records.drop(key)
            record = None
        if record is None:
            uid = 0 if stat.st_uid == self.own_uid else stat.st_uid
            gid = 0 if stat.st_gid == self.own_gid else stat.st_gid
            record = Record(uid, gid)
        return Status(
            stat.st_mode if record.mode is None else record.mode,
            record.uid,
            record.gid,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_rdev if record.device is None else record.device,
            stat.st_nlink,
            key,
            record.xattrs,
        )

    def forget(self, stat: os.stat_result) -> None:
        """A name of the file ``stat`` (taken before) was removed: with the last one its record goes."""
        if stat.st_nlink <= 1 or stat_module.S_ISDIR(stat.st_mode):
            self.records.drop((stat.st_dev, stat.st_ino))


def _make_empty(parent: int, name: bytes, permissions: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        os.fchmod(descriptor, permissions)
    finally:
        os.close(descriptor)


def is_stand_in(stat: os.stat_result) -> bool:
    return stat.st_mode == stat_module.S_IFREG | STAND_IN and stat.st_size == 0


def _set_mode(parent: int, name: bytes, there: int, wanted: int) -> int | None:
    """Set what the kernel may have of ``wanted``; returns the full st_mode to record, None: none."""
    real = stat_module.S_IMODE(wanted) & 0o777 | (0o700 if stat_module.S_ISDIR(there) else 0o600)
    os.chmod(name, real, dir_fd=parent)
    full = stat_module.S_IFMT(there) | stat_module.S_IMODE(wanted)
    return None if stat_module.S_IMODE(wanted) == real else full
