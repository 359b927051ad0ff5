"""Extended attributes: those that the kernel refuses to an ordinary user are recorded (xattr(7))."""

from __future__ import annotations

import errno
import os
import stat as stat_module

from ci_builder.executors.supervisor.acls import ACCESS, DEFAULT, parse, permissions, says_more
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import DAC_READ_SEARCH, FSETID, SETFCAP, Context
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.owners import CAPABILITY
from ci_builder.executors.supervisor.permissions import READ, WRITE, need, need_owner
from ci_builder.executors.supervisor.status import NO_PATH, object_of
from ci_builder.rootfs.xattrs import belongs_to_host, portable

_HERE = CURRENT & 0xFFFFFFFF
_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_CREATE, _REPLACE = 1, 2
_MAX_NAME, _MAX_VALUE = 255, 65536
_ACL = (ACCESS, DEFAULT)

Where = tuple[int, int, int]


def _path(call: Call, how: int) -> Where:
    return _HERE, call.arguments[0], how


def _open_file(kernel: Kernel, call: Call) -> Where:
    if call.arguments[0] & 0xFFFFFFFF >= 1 << 31:
        raise failure(errno.EBADF)
    kernel.lookup.need_open(call.task, call.arguments[0] & 0xFFFFFFFF)
    return call.arguments[0], NO_PATH, _EMPTY_PATH


def _set(kernel: Kernel, call: Call, where: Where) -> int:
    _, name, value, size, flags, _ = call.arguments
    key = _name(call, name)
    flags &= 0xFFFFFFFF
    if flags & ~(_CREATE | _REPLACE):
        raise failure(errno.EINVAL)
    if size > _MAX_VALUE:
        raise failure(errno.E2BIG)
    data = call.read(value, size) if size else b""
    with object_of(kernel, call, where[:2], where[2]) as found:
        kernel.need_writable(found)
        _permit_setting(kernel, kernel.contexts.of(call.task), found, key)
        if not _is_recorded(key):
            os.setxattr(found.path, key, data, flags)
            return 0
        recorded = _recorded(kernel, found)
        if flags & _CREATE and key in recorded:
            raise failure(errno.EEXIST)
        if flags & _REPLACE and key not in recorded:
            raise failure(errno.ENODATA)
        if key == CAPABILITY:
            data = _capability(data)
        if key in _ACL and not _set_acl(kernel, kernel.contexts.of(call.task), found, (key, data)):
            recorded.pop(key, None)
        else:
            recorded[key] = data
        # The time of change, as every change of attributes sets it.
        os.chown(found.path, -1, -1)
        kernel.owners.set_xattrs(found, tuple(sorted(recorded.items())))
    return 0


def _get(kernel: Kernel, call: Call, where: Where) -> int:
    _, name, into, size, *_ = call.arguments
    key = _name(call, name)
    with object_of(kernel, call, where[:2], where[2]) as found:
        if _is_recorded(key):
            data = _recorded(kernel, found).get(key)
            if data is None or (key.startswith("trusted.") and not _sees_trusted(kernel, call)):
                raise failure(errno.ENODATA)
        else:
            if key.startswith("user."):
                if not stat_module.S_ISREG(kernel.owners.of(found)[2]) and not found.is_directory:
                    raise failure(errno.ENODATA)
                _permit_user(kernel, kernel.contexts.of(call.task), found, READ)
            data = os.getxattr(found.path, key)
    return _answer(call, into, size, data)


def _list(kernel: Kernel, call: Call, where: Where) -> int:
    _, into, size, *_ = call.arguments
    with object_of(kernel, call, where[:2], where[2]) as found:
        names = {name for name in os.listxattr(found.path) if not belongs_to_host(name)}
        trusted = _sees_trusted(kernel, call)
        names |= {name for name in _recorded(kernel, found) if trusted or not name.startswith("trusted.")}
    data = b"".join(os.fsencode(name) + b"\0" for name in sorted(names))
    return _answer(call, into, size, data)


def _remove(kernel: Kernel, call: Call, where: Where) -> int:
    key = _name(call, call.arguments[1])
    with object_of(kernel, call, where[:2], where[2]) as found:
        kernel.need_writable(found)
        _permit_setting(kernel, kernel.contexts.of(call.task), found, key)
        if not _is_recorded(key):
            os.removexattr(found.path, key)
            return 0
        recorded = _recorded(kernel, found)
        if recorded.pop(key, None) is None and key not in _ACL:
            raise failure(errno.ENODATA)
        os.chown(found.path, -1, -1)
        kernel.owners.set_xattrs(found, tuple(sorted(recorded.items())))
    return 0


def _name(call: Call, pointer: int) -> str:
    name = call.text(pointer)
    if not name or len(name) > _MAX_NAME:
        raise failure(errno.ERANGE)
    key = os.fsdecode(name)
    if key.split(".")[0] not in ("user", "trusted", "security", "system") or "." not in key:
        raise failure(errno.EOPNOTSUPP)
    return key


def _answer(call: Call, into: int, size: int, data: bytes) -> int:
    if size:
        if len(data) > size:
            raise failure(errno.ERANGE)
        call.write(into, data)
    return len(data)


def _is_recorded(key: str) -> bool:
    return not key.startswith("user.") and (key in _ACL or not key.startswith("system."))


def _recorded(kernel: Kernel, found: Found) -> dict[str, bytes]:
    record = kernel.owners.record(found)
    return dict(record.xattrs) if record is not None else {}


def _sees_trusted(kernel: Kernel, call: Call) -> bool:
    # CAP_SYS_ADMIN, which docker takes from root too; but a layer that is packed inside must keep them.
    return kernel.contexts.of(call.task).may(DAC_READ_SEARCH) or kernel.contexts.of(call.task).user.file == 0


def _permit_setting(kernel: Kernel, context: Context, found: Found, key: str) -> None:
    if key.startswith("user."):
        owner = kernel.owners.of(found)
        if not (stat_module.S_ISREG(owner[2]) or found.is_directory):
            raise failure(errno.EPERM)
        if found.is_directory and owner[2] & stat_module.S_ISVTX:
            need_owner(context, owner)
        _permit_user(kernel, context, found, WRITE)
    elif key in _ACL:
        if stat_module.S_ISLNK(found.mode):
            raise failure(errno.EOPNOTSUPP)
        need_owner(context, kernel.owners.of(found))
    elif key == CAPABILITY:
        if not context.may(SETFCAP):
            raise failure(errno.EPERM)
    elif not key.startswith("trusted.") or context.user.file != 0:
        raise failure(errno.EPERM)


def _permit_user(kernel: Kernel, context: Context, found: Found, wanted: int) -> None:
    if kernel.is_recorded(found):
        need(context, kernel.owners.of(found), wanted)


def _capability(data: bytes) -> bytes:
    """As it is read again: of revision 2, or 3 for another namespace's root (capabilities(7)). Raises OSError
    (EINVAL) for anything else."""
    revision = data[3:4]
    if (revision, len(data)) not in ((b"\x02", 20), (b"\x03", 24)):
        raise failure(errno.EINVAL)
    return data if any(data[20:]) else portable(CAPABILITY, data)


def _set_acl(kernel: Kernel, context: Context, found: Found, acl: tuple[str, bytes]) -> bool:
    """An access list is also the file's mode (acl(5)); whether ``acl`` (key and value) says more than a mode
    can, and has to be kept. Raises OSError (EINVAL)."""
    key, value = acl
    entries = parse(value)
    if key == DEFAULT:
        if entries and not found.is_directory:
            raise failure(errno.EACCES)
        return bool(entries)
    if not entries:
        return False
    _, gid, mode, _ = kernel.owners.of(found)
    kept = mode & 0o7000
    if not context.is_in_group(gid) and not context.may(FSETID):
        kept &= ~stat_module.S_ISGID
    kernel.owners.set_mode(found, kept | permissions(entries))
    return says_more(entries)


HANDLERS: Handlers = {
    "setxattr": lambda kernel, call: _set(kernel, call, _path(call, 0)),
    "lsetxattr": lambda kernel, call: _set(kernel, call, _path(call, _NO_FOLLOW)),
    "fsetxattr": lambda kernel, call: _set(kernel, call, _open_file(kernel, call)),
    "getxattr": lambda kernel, call: _get(kernel, call, _path(call, 0)),
    "lgetxattr": lambda kernel, call: _get(kernel, call, _path(call, _NO_FOLLOW)),
    "fgetxattr": lambda kernel, call: _get(kernel, call, _open_file(kernel, call)),
    "listxattr": lambda kernel, call: _list(kernel, call, _path(call, 0)),
    "llistxattr": lambda kernel, call: _list(kernel, call, _path(call, _NO_FOLLOW)),
    "flistxattr": lambda kernel, call: _list(kernel, call, _open_file(kernel, call)),
    "removexattr": lambda kernel, call: _remove(kernel, call, _path(call, 0)),
    "lremovexattr": lambda kernel, call: _remove(kernel, call, _path(call, _NO_FOLLOW)),
    "fremovexattr": lambda kernel, call: _remove(kernel, call, _open_file(kernel, call)),
}
