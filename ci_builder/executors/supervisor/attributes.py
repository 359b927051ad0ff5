"""Owners, modes, times and sizes of files."""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import library
from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import CHOWN, FSETID, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.owners import Owner, lost_bits
from ci_builder.executors.supervisor.permissions import WRITE, allowed, need, need_owner
from ci_builder.executors.supervisor.status import NO_PATH, object_of, shown

_HERE = CURRENT & 0xFFFFFFFF
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_KEEP = 0xFFFFFFFF
_TERMINALS = b"/dev/pts/"
_UTIMENSAT = of_this_machine().calls["utimensat"]
_TIMES = struct.Struct("=qqqq")
_NOW, _OMIT = 0x3FFFFFFF, 0x3FFFFFFE
_syscall = library().syscall

Where = tuple[int, int, int]


def _chmod(kernel: Kernel, call: Call) -> int:
    path, mode, *_ = call.arguments
    return _set_mode(kernel, call, (_HERE, path, 0), mode)


def _fchmod(kernel: Kernel, call: Call) -> int:
    descriptor, mode, *_ = call.arguments
    return _set_mode(kernel, call, _open_file(kernel, call, descriptor), mode)


def _fchmodat(kernel: Kernel, call: Call) -> int:
    folder, path, mode, *_ = call.arguments
    return _set_mode(kernel, call, (folder, path, 0), mode)


def _fchmodat2(kernel: Kernel, call: Call) -> int:
    folder, path, mode, flags, *_ = call.arguments
    if flags & 0xFFFFFFFF & ~(_NO_FOLLOW | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    return _set_mode(kernel, call, (folder, path, flags), mode)


def _set_mode(kernel: Kernel, call: Call, where: Where, mode: int) -> int:
    with object_of(kernel, call, where[:2], where[2]) as found:
        if stat_module.S_ISLNK(found.mode):
            raise failure(errno.EOPNOTSUPP)
        kernel.need_writable(found)
        if not kernel.is_recorded(found):
            if mode & 0o7777 != stat_module.S_IMODE(found.mode):
                _need_own(found)
            os.chmod(found.path, mode & 0o7777)
            return 0
        context = kernel.contexts.of(call.task)
        owner = kernel.owners.of(found)
        need_owner(context, owner)
        mode &= 0o7777
        if mode & stat_module.S_ISGID and not context.is_in_group(owner[1]) and not context.may(FSETID):
            mode &= ~stat_module.S_ISGID
        kernel.owners.set_mode(found, mode)
    return 0


def _need_own(found: Found) -> None:
    """Raises OSError (EPERM) for a device of these surroundings that is no terminal: a supervisor of root
    could change it for all others."""
    if stat_module.S_ISCHR(found.mode) and not os.readlink(found.path).startswith(_TERMINALS):
        raise failure(errno.EPERM)


def _chown(kernel: Kernel, call: Call) -> int:
    path, uid, gid, *_ = call.arguments
    return _set_owner(kernel, call, (_HERE, path, 0), (uid, gid))


def _lchown(kernel: Kernel, call: Call) -> int:
    path, uid, gid, *_ = call.arguments
    return _set_owner(kernel, call, (_HERE, path, _NO_FOLLOW), (uid, gid))


def _fchown(kernel: Kernel, call: Call) -> int:
    descriptor, uid, gid, *_ = call.arguments
    return _set_owner(kernel, call, _open_file(kernel, call, descriptor), (uid, gid))


def _fchownat(kernel: Kernel, call: Call) -> int:
    folder, path, uid, gid, flags, _ = call.arguments
    if flags & 0xFFFFFFFF & ~(_NO_FOLLOW | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    return _set_owner(kernel, call, (folder, path, flags), (uid, gid))


def _open_file(kernel: Kernel, call: Call, descriptor: int) -> Where:
    """Where a call by descriptor alone acts: no AT_FDCWD. Raises OSError (EBADF)."""
    if signed(descriptor) < 0:
        raise failure(errno.EBADF)
    kernel.lookup.need_open(call.task, descriptor)
    return descriptor, NO_PATH, _EMPTY_PATH


def _set_owner(kernel: Kernel, call: Call, where: Where, ids: tuple[int, int]) -> int:
    uid, gid = ids[0] & _KEEP, ids[1] & _KEEP
    with object_of(kernel, call, where[:2], where[2]) as found:
        kernel.need_writable(found)
        is_nameless = found.key[0] in kernel.nameless_devices
        if not kernel.is_recorded(found) and not is_nameless:
            # Who seems to have it already, as root has the terminals that it opens, has it.
            user, group, mode, _ = shown(kernel, call, found)
            _permit_giving(kernel.contexts.of(call.task), (user, group, mode, b""), (uid, gid))
            seems = (_KEEP if uid == user else uid, _KEEP if gid == group else gid)
            if seems != (_KEEP, _KEEP):
                _need_own(found)
            os.chown(found.path, *map(_own, seems))
            return 0
        context = kernel.contexts.of(call.task)
        before = kernel.owners.of(found)
        if is_nameless and kernel.owners.record(found) is None:
            before = (context.user.effective, context.group.effective, found.mode, b"")
        _permit_giving(context, before, (uid, gid))
        lost = lost_bits(context, before)
        if lost:
            need_owner(context, before)  # for the change of mode
        # The time of change, as every change of owner sets it.
        os.chown(found.path, -1, -1)
        new = (before[0] if uid == _KEEP else uid, before[1] if gid == _KEEP else gid)
        kernel.owners.set_owner(found, new, lost)
    return 0


def _own(number: int) -> int:
    return -1 if number == _KEEP else number


def _permit_giving(context: Context, before: Owner, ids: tuple[int, int]) -> None:
    if context.may(CHOWN):
        return
    uid, gid = ids
    mine = context.user.file == before[0]
    if uid != _KEEP and not (mine and uid == before[0]):
        raise failure(errno.EPERM)
    if gid != _KEEP and not (mine and (gid == before[1] or context.is_in_group(gid))):
        raise failure(errno.EPERM)


def _utime(kernel: Kernel, call: Call) -> int:
    path, pointer, *_ = call.arguments
    times = None
    if pointer:
        access, change = struct.unpack("=qq", call.read(pointer, 16))
        times = (access, 0, change, 0)
    return _set_times(kernel, call, (_HERE, path, 0), times)


def _utimes(kernel: Kernel, call: Call) -> int:
    path, pointer, *_ = call.arguments
    return _set_times(kernel, call, (_HERE, path, 0), _microseconds(call, pointer))


def _futimesat(kernel: Kernel, call: Call) -> int:
    folder, path, pointer, *_ = call.arguments
    where = (folder, path, 0) if path else _open_file(kernel, call, folder)
    return _set_times(kernel, call, where, _microseconds(call, pointer))


def _microseconds(call: Call, pointer: int) -> tuple[int, int, int, int] | None:
    if not pointer:
        return None
    first, first_micro, second, second_micro = _TIMES.unpack(call.read(pointer, 32))
    if not (0 <= first_micro < 1000000 and 0 <= second_micro < 1000000):
        raise failure(errno.EINVAL)
    return first, first_micro * 1000, second, second_micro * 1000


def _utimensat(kernel: Kernel, call: Call) -> int:
    folder, path, pointer, flags, *_ = call.arguments
    times = _TIMES.unpack(call.read(pointer, 32)) if pointer else None
    if times is not None and times[1] == times[3] == _OMIT:
        return 0
    if flags & 0xFFFFFFFF & ~(_NO_FOLLOW | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    if not path:
        if signed(folder) == CURRENT:
            raise failure(errno.EFAULT)
        if flags & 0xFFFFFFFF:
            raise failure(errno.EINVAL)
        kernel.lookup.need_open(call.task, folder & 0xFFFFFFFF)
        path, flags = NO_PATH, _EMPTY_PATH
    return _set_times(kernel, call, (folder, path, flags), times)


def _set_times(kernel: Kernel, call: Call, where: Where, times: tuple[int, ...] | None) -> int:
    with object_of(kernel, call, where[:2], where[2]) as found:
        kernel.need_writable(found)
        if kernel.is_recorded(found):
            _permit_times(kernel, call, found, times)
        data = None if times is None else _TIMES.pack(*times)
        if _syscall(_UTIMENSAT, found.descriptor, b"", data, _EMPTY_PATH) < 0:
            raise failure(ctypes.get_errno())
    return 0


def _permit_times(kernel: Kernel, call: Call, found: Found, times: tuple[int, ...] | None) -> None:
    context = kernel.contexts.of(call.task)
    owner = kernel.owners.of(found)
    now = times is None or times[1] == times[3] == _NOW
    if context.user.file == owner[0] or context.ignores_permissions:
        return
    if not now:
        need_owner(context, owner)
    elif not allowed(context, owner, WRITE):
        raise failure(errno.EACCES)


def _truncate(kernel: Kernel, call: Call) -> int:
    path, length, *_ = call.arguments
    length = length - (1 << 64) if length >> 63 else length
    with kernel.lookup.find(call.task, CURRENT, call.text(path)) as found:
        if length < 0:
            raise failure(errno.EINVAL)
        if found.is_directory:
            raise failure(errno.EISDIR)
        context, owner = kernel.contexts.of(call.task), kernel.owners.of(found)
        if not stat_module.S_ISREG(owner[2]):
            raise failure(errno.EINVAL)
        kernel.need_writable(found)
        if kernel.is_recorded(found):
            need(context, owner, WRITE)
        os.truncate(found.path, length)
        kernel.owners.written(found, context)
    return 0


HANDLERS: Handlers = {
    "chmod": _chmod,
    "fchmod": _fchmod,
    "fchmodat": _fchmodat,
    "fchmodat2": _fchmodat2,
    "chown": _chown,
    "lchown": _lchown,
    "fchown": _fchown,
    "fchownat": _fchownat,
    "utime": _utime,
    "utimes": _utimes,
    "futimesat": _futimesat,
    "utimensat": _utimensat,
    "truncate": _truncate,
}
