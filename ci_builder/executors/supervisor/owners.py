"""Owner, mode and device of files as the command sees them: the record's word before the kernel's."""

from __future__ import annotations

import os
import stat as stat_module

from ci_builder.executors.supervisor.acls import ACCESS, changed
from ci_builder.executors.supervisor.context import FSETID, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.rootfs.ownership import STAND_IN
from ci_builder.rootfs.record import PLAIN, Key, Record, Records, Xattrs
from ci_builder.values import dataclass, replace

_STAND_IN = stat_module.S_IFREG | STAND_IN
_SET_IDS = stat_module.S_ISUID | stat_module.S_ISGID
CAPABILITY = "security.capability"

Owner = tuple[int, int, int, bytes]
"""uid, gid, st_mode and the access control list, empty where there is none."""


@dataclass(frozen=True, slots=True)
class New:
    """What a file is that is being made: ``mode`` is its st_mode, ``device`` its st_rdev."""

    uid: int
    gid: int
    mode: int
    device: int | None = None
    xattrs: Xattrs = ()

    @property
    def permissions(self) -> int:
        """Those that it has on disk."""
        return real_permissions(self.mode)


class Owners:
    """Files of the ids ``own`` (the supervisor's) count as root's unless ``records`` says otherwise."""

    def __init__(self, records: Records, own: tuple[int, int]) -> None:
        self.records = records
        self._uid, self._gid = own

    def record(self, found: Found) -> Record | None:
        """What is recorded of a file; None: nothing."""
        record = self.records.get(found.key)
        if record is not None and record.device is not None and found.mode != _STAND_IN:
            # The stand-in of a device is gone, its inode number is another file's.
            self.records.drop(found.key)
            return None
        return record

    def of(self, found: Found) -> Owner:
        """Whose a file is."""
        return self._owner(self.record(found), found.uid, found.gid, found.mode)

    def of_recorded(self, found: Found, record: Record | None) -> Owner:
        """The same, where ``record`` is what ``record`` said of it."""
        return self._owner(record, found.uid, found.gid, found.mode)

    def of_status(self, status: os.stat_result) -> Owner:
        """The same of an lstat."""
        record = self.records.get((status.st_dev, status.st_ino))
        return self._owner(record, status.st_uid, status.st_gid, status.st_mode)

    def seems(self, uid: int, gid: int) -> tuple[int, int]:
        """Ids of a file without a record."""
        return 0 if uid == self._uid else uid, 0 if gid == self._gid else gid

    def set_owner(self, found: Found, ids: tuple[int, int], lost: int) -> None:
        """Give it away, which takes its capabilities and the bits ``lost`` of its mode (chown(2))."""
        record = self.record(found) or Record(*self.seems(found.uid, found.gid))
        full = found.mode if record.mode is None else record.mode
        if not stat_module.S_ISDIR(full):
            left = full & ~lost
            known = left if record.device is not None else self._recorded(found, left)
            record = _without_capability(replace(record, mode=known))
        self.records.keep(found.key, replace(record, uid=ids[0], gid=ids[1]))

    def set_mode(self, found: Found, mode: int) -> None:
        """Give it the permissions ``mode`` (12 bits), as far as the kernel may have them; its access control
        list follows. Raises OSError."""
        record = self.record(found) or Record(*self.seems(found.uid, found.gid))
        if record.xattrs:
            record = replace(record, xattrs=_with_mode(record.xattrs, mode))
        full = stat_module.S_IFMT(found.mode if record.device is None else record.mode or 0) | mode & 0o7777
        if record.device is not None:
            os.chmod(found.path, STAND_IN)
            self.records.keep(found.key, replace(record, mode=full))
            return
        os.chmod(found.path, real_permissions(full))
        known = None if stat_module.S_IMODE(full) == real_permissions(full) else full
        self._keep(found, replace(record, mode=known))

    def made(self, key: Key, new: New) -> None:
        """A file was made with ``new.permissions`` (or a link), or the stand-in of a device."""
        mode = new.mode
        plain = stat_module.S_ISLNK(mode) or stat_module.S_IMODE(mode) == new.permissions
        known = None if plain and new.device is None else mode
        self.records.keep(key, Record(new.uid, new.gid, known, new.device, new.xattrs))

    def written(self, found: Found, context: Context) -> None:
        """Its content is being changed: capabilities go, and setuid bits unless ``context`` may keep them
        (write(2)). The kernel does so at the first write; here it is when the file is opened for it."""
        record = self.records.get(found.key)
        if record is None:
            return
        record = _without_capability(record)
        if record.mode is not None and not context.may(FSETID) and stat_module.S_ISREG(record.mode):
            lost = lost_bits(context, (record.uid, record.gid, record.mode, b""))
            record = replace(record, mode=self._recorded(found, record.mode & ~lost))
        self._keep(found, record)

    def set_xattrs(self, found: Found, xattrs: tuple[tuple[str, bytes], ...]) -> None:
        """Replace what is recorded of its attributes."""
        record = self.record(found) or Record(*self.seems(found.uid, found.gid))
        self._keep(found, replace(record, xattrs=xattrs))

    def _recorded(self, found: Found, full: int) -> int | None:
        return None if stat_module.S_IMODE(full) == stat_module.S_IMODE(found.mode) else full

    def _keep(self, found: Found, record: Record) -> None:
        bare = replace(record, uid=0, gid=0)
        if bare == PLAIN and (record.uid, record.gid) == self.seems(found.uid, found.gid):
            self.records.drop(found.key)
        else:
            self.records.put(found.key, record)

    def _owner(self, record: Record | None, uid: int, gid: int, mode: int) -> Owner:
        if record is None:
            return (*self.seems(uid, gid), mode, b"")
        acl = dict(record.xattrs).get(ACCESS, b"") if record.xattrs else b""
        return record.uid, record.gid, mode if record.mode is None else record.mode, acl


def lost_bits(context: Context, owner: Owner) -> int:
    """The setuid and setgid bits that a file loses when its owner is set, even to what it was (chown(2)),
    and when a user without FSETID writes to it (write(2))."""
    _, gid, mode, _ = owner
    if stat_module.S_ISDIR(mode):
        return 0
    keeps = not mode & stat_module.S_IXGRP and (context.is_in_group(gid) or context.may(FSETID))
    return mode & (stat_module.S_ISUID if keeps else _SET_IDS)


def real_permissions(mode: int) -> int:
    """What the kernel has of a mode's permissions: the owner can always read, write and enter."""
    return mode & 0o777 | (0o700 if stat_module.S_ISDIR(mode) else 0o600)


def _with_mode(xattrs: Xattrs, mode: int) -> Xattrs:
    return tuple((key, changed(data, mode) if key == ACCESS else data) for key, data in xattrs)


def _without_capability(record: Record) -> Record:
    return replace(record, xattrs=tuple(item for item in record.xattrs if item[0] != CAPABILITY))
