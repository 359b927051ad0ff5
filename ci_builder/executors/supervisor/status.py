"""stat and its family, access, readlink, statfs: what the caller is told of a file."""

from __future__ import annotations

import ctypes
import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import quick_library
from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.permissions import WRITE, need
from ci_builder.values import replace

_ARCHITECTURE = of_this_machine()
_NO_FOLLOW, _EACCESS, _EMPTY_PATH, _NO_AUTOMOUNT = 0x100, 0x200, 0x1000, 0x800
_STATX_SYNC = 0x6000
_NOT_OF_STAT = 0xFFFFFFFF & ~(_NO_FOLLOW | _EMPTY_PATH | _NO_AUTOMOUNT | _STATX_SYNC)
_STATX_SIZE, _STATX_IDS, _STATX_MODE, _STATX_RDEV = 256, 20, 28, 128
_STATFS_SIZE = 120
_U32, _TWO_U32, _U64, _U16 = (
    struct.Struct("=I"),
    struct.Struct("=II"),
    struct.Struct("=Q"),
    struct.Struct("=H"),
)
_BUFFER = ctypes.create_string_buffer(_STATX_SIZE)
_syscall = quick_library().syscall


def _stat(kernel: Kernel, call: Call) -> int:
    path, into, *_ = call.arguments
    return tell(kernel, call, kernel.lookup.find(call.task, CURRENT, call.text(path)), into)


def _lstat(kernel: Kernel, call: Call) -> int:
    path, into, *_ = call.arguments
    return tell(kernel, call, kernel.lookup.find(call.task, CURRENT, call.text(path), follow=False), into)


def _fstat(kernel: Kernel, call: Call) -> int:
    descriptor, into, *_ = call.arguments
    return tell(kernel, call, kernel.lookup.by_descriptor(call.task, _real(descriptor)), into)


def _newfstatat(kernel: Kernel, call: Call) -> int:
    folder, pointer, into, flags, _, _ = call.arguments
    if flags & _NOT_OF_STAT:
        raise failure(errno.EINVAL)
    if flags & _EMPTY_PATH and not pointer:
        pointer = NO_PATH
    return tell(kernel, call, object_of(kernel, call, (folder, pointer), flags), into)


def _statx(kernel: Kernel, call: Call) -> int:
    folder, path, flags, mask, into, _ = call.arguments
    if flags & _NOT_OF_STAT:
        raise failure(errno.EINVAL)
    if not path and flags & _EMPTY_PATH:
        path = NO_PATH
    with object_of(kernel, call, (folder, path), flags) as found:
        rest = flags & 0xFFFFFFFF & ~_NO_FOLLOW | _EMPTY_PATH
        arguments = (found.descriptor, b"", rest, ctypes.c_uint(mask & 0xFFFFFFFF), _BUFFER)
        if _syscall(_ARCHITECTURE.calls["statx"], *arguments) < 0:
            raise failure(ctypes.get_errno())
        data = bytearray(_BUFFER.raw)
        uid, gid, mode, device = shown(kernel, call, found)
        _TWO_U32.pack_into(data, _STATX_IDS, uid, gid)
        _U16.pack_into(data, _STATX_MODE, mode)
        _TWO_U32.pack_into(data, _STATX_RDEV, os.major(device), os.minor(device))
        call.write(into, bytes(data))
    return 0


NO_PATH = -1
"""In place of a path's pointer: there is none, the descriptor is meant."""


def object_of(kernel: Kernel, call: Call, where: tuple[int, int], flags: int) -> Found:
    """The file that a call with a directory, a path pointer and AT_* flags means. Raises OSError."""
    pointer = where[1]
    return _object_at(kernel, call, (where[0], call.text(pointer) if pointer != NO_PATH else b""), flags)


def _object_at(kernel: Kernel, call: Call, where: tuple[int, bytes], flags: int) -> Found:
    folder, path = signed(where[0]), where[1]
    if flags & _EMPTY_PATH and not path:
        return kernel.lookup.by_descriptor(call.task, folder)
    return kernel.lookup.find(call.task, folder, path, follow=not flags & _NO_FOLLOW)


def _real(descriptor: int) -> int:
    """A descriptor that calls without a directory take: no AT_FDCWD. Raises OSError (EBADF)."""
    number = signed(descriptor)
    if number < 0:
        raise failure(errno.EBADF)
    return number


def tell(kernel: Kernel, call: Call, found: Found, into: int) -> int:
    """Answer a call with the struct stat of a file, written to the address ``into``. Raises OSError."""
    with found:
        known = kernel.told.answer(found.raw)
        if known is not None:
            told = known.data
        else:
            uid, gid, mode, device = shown(kernel, call, found)
            data = bytearray(found.raw)
            _U32.pack_into(data, _ARCHITECTURE.stat_mode, mode)
            _TWO_U32.pack_into(data, _ARCHITECTURE.stat_ids, uid, gid)
            _U64.pack_into(data, _ARCHITECTURE.stat_rdev, device)
            told = bytes(data)
            if kernel.is_recorded(found):
                kernel.told.keep(found, told)
        call.write(into, told)
    return 0


def shown(kernel: Kernel, call: Call, found: Found) -> tuple[int, int, int, int]:
    """User, group, mode and device as the caller is told of them. Raises OSError."""
    record = kernel.owners.record(found)
    if record is None:
        if not kernel.is_recorded(found):
            return _foreign(kernel, call, found)
        return (*kernel.owners.seems(found.uid, found.gid), found.mode, found.rdev)
    mode = found.mode if record.mode is None else record.mode
    return record.uid, record.gid, mode, found.rdev if record.device is None else record.device


def _foreign(kernel: Kernel, call: Call, found: Found) -> tuple[int, int, int, int]:
    """What the kernel gives to the real user (of /proc, terminals, pipes) is the pretended user's."""
    uid, gid = found.uid, found.gid
    if found.key[0] in kernel.nameless_devices or kernel.owners.seems(uid, gid) != (uid, gid):
        context = kernel.contexts.of(_process(found) or call.task)
        uid, gid = context.user.effective, context.group.effective
    return uid, gid, found.mode, found.rdev


def _process(found: Found) -> int | None:
    """The process that a file of /proc tells of."""
    parts = found.place.split(b"/") if found.place else []
    return int(parts[2]) if len(parts) > 2 and parts[1] == b"proc" and parts[2].isdigit() else None


def _access(kernel: Kernel, call: Call) -> int:
    path, wanted, *_ = call.arguments
    return _check(kernel, call, (CURRENT & 0xFFFFFFFF, path), (wanted, 0))


def _faccessat(kernel: Kernel, call: Call) -> int:
    folder, path, wanted, *_ = call.arguments
    return _check(kernel, call, (folder, path), (wanted, 0))


def _faccessat2(kernel: Kernel, call: Call) -> int:
    folder, path, wanted, flags, *_ = call.arguments
    if flags & 0xFFFFFFFF & ~(_NO_FOLLOW | _EACCESS | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    return _check(kernel, call, (folder, path), (wanted, flags))


def _check(kernel: Kernel, call: Call, where: tuple[int, int], how: tuple[int, int]) -> int:
    wanted, flags = how
    wanted &= 0xFFFFFFFF
    if wanted & ~7:
        raise failure(errno.EINVAL)
    path = call.text(where[1])
    context = kernel.contexts.of(call.task)
    if not flags & _EACCESS and not context.is_real:
        # access(2) asks for the real user, whatever the effective one is; for the way to the file, too.
        real = Context.of(context.user.real, context.group.real, context.groups)
        context = replace(real, root=context.root)
        kernel.contexts.pretend(call.task, context)
    if kernel.lookup.is_missing(context, path):
        return -errno.ENOENT
    with _object_at(kernel, call, (where[0], path), flags) as found:
        if wanted:
            _permit(kernel, context, found, wanted)
    return 0


def _permit(kernel: Kernel, context: Context, found: Found, wanted: int) -> None:
    if stat_module.S_ISLNK(found.mode):
        return
    if kernel.is_recorded(found):
        need(context, kernel.owners.of(found), wanted)
    elif not os.access(found.path, wanted):
        if wanted & WRITE and context.ignores_permissions:
            kernel.need_writable(found)  # which is what root would be held back by
        raise failure(errno.EACCES)
    if wanted & WRITE and stat_module.S_IFMT(found.mode) in (stat_module.S_IFREG, stat_module.S_IFDIR):
        kernel.need_writable(found)


def _readlink(kernel: Kernel, call: Call) -> int:
    path, into, size, *_ = call.arguments
    return _read(kernel, call, (CURRENT, path), (into, signed(size)))


def _readlinkat(kernel: Kernel, call: Call) -> int:
    folder, path, into, size, *_ = call.arguments
    return _read(kernel, call, (signed(folder), path), (into, signed(size)))


def _read(kernel: Kernel, call: Call, where: tuple[int, int], answer: tuple[int, int]) -> int:
    folder, pointer = where
    into, size = answer
    if size <= 0:
        raise failure(errno.EINVAL)
    path = call.text(pointer)
    text = _text(kernel, call, folder, path)[:size]
    call.write(into, text)
    return len(text)


def _text(kernel: Kernel, call: Call, folder: int, path: bytes) -> bytes:
    if not path:
        if folder == CURRENT:
            raise failure(errno.ENOENT)
        with kernel.lookup.by_descriptor(call.task, folder) as found:
            if not stat_module.S_ISLNK(found.mode):
                raise failure(errno.ENOENT)
            return _target(found)
    with kernel.lookup.find(call.task, folder, path, follow=False) as found:
        if kernel.is_recorded(found):
            return _target(found)
    # In /proc, whose links read differently for the command.
    context = kernel.contexts.of(call.task)
    located = kernel.lookup.locate(call.task, context, (folder, path), follow=False)
    if located.link is not None:
        return located.link
    with kernel.lookup.found_at(located) as found:
        return _target(found)


def _target(found: Found) -> bytes:
    if not stat_module.S_ISLNK(found.mode):
        raise failure(errno.EINVAL)
    return os.readlink(b"", dir_fd=found.descriptor)


def _statfs(kernel: Kernel, call: Call) -> int:
    path, into, *_ = call.arguments
    buffer = ctypes.create_string_buffer(_STATFS_SIZE)
    with kernel.lookup.find(call.task, CURRENT, call.text(path)) as found:
        if _syscall(_ARCHITECTURE.calls["fstatfs"], found.descriptor, buffer) < 0:
            raise failure(ctypes.get_errno())
    call.write(into, buffer.raw)
    return 0


HANDLERS: Handlers = {
    "stat": _stat,
    "lstat": _lstat,
    "fstat": _fstat,
    "newfstatat": _newfstatat,
    "statx": _statx,
    "access": _access,
    "faccessat": _faccessat,
    "faccessat2": _faccessat2,
    "readlink": _readlink,
    "readlinkat": _readlinkat,
    "statfs": _statfs,
}
