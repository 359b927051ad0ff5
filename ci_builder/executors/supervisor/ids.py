"""Users, groups, capabilities: asked for, and changed (credentials(7), capabilities(7))."""

from __future__ import annotations

import errno
import struct

from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import SETGID, SETPCAP, SETUID, Context, Ids
from ci_builder.executors.supervisor.kernel import Handler, Handlers, Kernel
from ci_builder.values import replace

_KEEP = 0xFFFFFFFF
_MAX_GROUPS = 65536
_VERSIONS = {0x19980330: 1, 0x20071026: 2, 0x20080522: 2}
_LATEST = 0x20080522
_SETS = struct.Struct("=III")


def _asked(kernel: Kernel, call: Call) -> Context:
    return kernel.contexts.of(call.task)


def _set(kernel: Kernel, call: Call, context: Context) -> int:
    kernel.contexts.put(call.task, context)
    return 0


def _number(value: int) -> int:
    """An id that is to be set. Raises OSError (EINVAL)."""
    value &= _KEEP
    if value == _KEEP:
        raise failure(errno.EINVAL)
    return value


def _setuid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    uid = _number(call.arguments[0])
    user = context.user
    if context.may(SETUID):
        return _set(kernel, call, context.with_user(Ids.all(uid)))
    if uid not in (user.real, user.saved):
        raise failure(errno.EPERM)
    return _set(kernel, call, context.with_user(replace(user, effective=uid, file=uid)))


def _setgid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    gid = _number(call.arguments[0])
    group = context.group
    if context.may(SETGID):
        return _set(kernel, call, replace(context, group=Ids.all(gid)))
    if gid not in (group.real, group.saved):
        raise failure(errno.EPERM)
    return _set(kernel, call, replace(context, group=replace(group, effective=gid, file=gid)))


def _two(ids: Ids, call: Call, privileged: bool) -> Ids:
    """setreuid and setregid. Raises OSError (EPERM)."""
    real, effective = (value & _KEEP for value in call.arguments[:2])
    if not privileged:
        if real != _KEEP and real not in (ids.real, ids.effective):
            raise failure(errno.EPERM)
        if effective != _KEEP and not ids.holds(effective):
            raise failure(errno.EPERM)
    new_real = ids.real if real == _KEEP else real
    new_effective = ids.effective if effective == _KEEP else effective
    changes_saved = real != _KEEP or effective not in (_KEEP, ids.real)
    return Ids(new_real, new_effective, new_effective if changes_saved else ids.saved, new_effective)


def _three(ids: Ids, call: Call, privileged: bool) -> Ids:
    """setresuid and setresgid. Raises OSError (EPERM)."""
    wanted = [value & _KEEP for value in call.arguments[:3]]
    if not privileged and any(value != _KEEP and not ids.holds(value) for value in wanted):
        raise failure(errno.EPERM)
    before = (ids.real, ids.effective, ids.saved)
    real, effective, saved = (old if new == _KEEP else new for old, new in zip(before, wanted, strict=True))
    return Ids(real, effective, saved, effective)


def _setreuid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    return _set(kernel, call, context.with_user(_two(context.user, call, context.may(SETUID))))


def _setregid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    return _set(kernel, call, replace(context, group=_two(context.group, call, context.may(SETGID))))


def _setresuid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    return _set(kernel, call, context.with_user(_three(context.user, call, context.may(SETUID))))


def _setresgid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    return _set(kernel, call, replace(context, group=_three(context.group, call, context.may(SETGID))))


def _setfsuid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    uid, user = call.arguments[0] & _KEEP, context.user
    if uid != _KEEP and (context.may(SETUID) or user.holds(uid) or uid == user.file):
        kernel.contexts.put(call.task, context.with_user(replace(user, file=uid)))
    return user.file


def _setfsgid(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    gid, group = call.arguments[0] & _KEEP, context.group
    if gid != _KEEP and (context.may(SETGID) or group.holds(gid) or gid == group.file):
        kernel.contexts.put(call.task, replace(context, group=replace(group, file=gid)))
    return group.file


def _getresuid(kernel: Kernel, call: Call) -> int:
    return _tell(call, _asked(kernel, call).user)


def _getresgid(kernel: Kernel, call: Call) -> int:
    return _tell(call, _asked(kernel, call).group)


def _tell(call: Call, ids: Ids) -> int:
    for pointer, value in zip(call.arguments, (ids.real, ids.effective, ids.saved), strict=False):
        call.write(pointer, struct.pack("=I", value))
    return 0


def _setgroups(kernel: Kernel, call: Call) -> int:
    context = _asked(kernel, call)
    count = signed(call.arguments[0])
    if not context.may(SETGID):
        raise failure(errno.EPERM)
    if not 0 <= count <= _MAX_GROUPS:
        raise failure(errno.EINVAL)
    groups = struct.unpack(f"={count}I", call.read(call.arguments[1], 4 * count)) if count else ()
    return _set(kernel, call, replace(context, groups=tuple(sorted(groups))))


def _getgroups(kernel: Kernel, call: Call) -> int:
    size, pointer, *_ = call.arguments
    groups = _asked(kernel, call).groups
    room = signed(size)
    if room < 0 or 0 < room < len(groups):
        raise failure(errno.EINVAL)
    if room and groups:
        call.write(pointer, struct.pack(f"={len(groups)}I", *groups))
    return len(groups)


def _capget(kernel: Kernel, call: Call) -> int:
    header, data, *_ = call.arguments
    version, task = struct.unpack("=Ii", call.read(header, 8))
    words = _VERSIONS.get(version)
    if words is None:
        call.write(header, struct.pack("=I", _LATEST))
        if not data:
            return 0
        raise failure(errno.EINVAL)
    if task < 0:
        raise failure(errno.EINVAL)
    context = kernel.contexts.of(task or call.task)
    if data:
        sets = (context.effective, context.permitted, context.inheritable)
        low = _SETS.pack(*(value & 0xFFFFFFFF for value in sets))
        high = _SETS.pack(*(value >> 32 for value in sets)) if words == 2 else b""
        call.write(data, low + high)
    return 0


def _capset(kernel: Kernel, call: Call) -> int:
    header, data, *_ = call.arguments
    version, task = struct.unpack("=Ii", call.read(header, 8))
    words = _VERSIONS.get(version)
    if words is None:
        call.write(header, struct.pack("=I", _LATEST))
        raise failure(errno.EINVAL)
    if task not in (0, call.task):
        raise failure(errno.EPERM)
    sets = [_SETS.unpack(call.read(data + 12 * number, 12)) for number in range(words)]
    effective, permitted, inheritable = (
        sum(part[index] << 32 * number for number, part in enumerate(sets)) for index in range(3)
    )
    context = _asked(kernel, call)
    if permitted & ~context.permitted or effective & ~permitted:
        raise failure(errno.EPERM)
    more = inheritable & ~context.inheritable
    if more & ~context.bounding or (more & ~context.permitted and not context.may(SETPCAP)):
        raise failure(errno.EPERM)
    new = replace(context, effective=effective, permitted=permitted, inheritable=inheritable)
    return _set(kernel, call, new)


def _read(choose: str, which: str) -> Handler:
    def handler(kernel: Kernel, call: Call) -> int:
        ids: Ids = getattr(_asked(kernel, call), choose)
        value: int = getattr(ids, which)
        return value

    return handler


HANDLERS: Handlers = {
    "getuid": _read("user", "real"),
    "geteuid": _read("user", "effective"),
    "getgid": _read("group", "real"),
    "getegid": _read("group", "effective"),
    "getresuid": _getresuid,
    "getresgid": _getresgid,
    "getgroups": _getgroups,
    "setuid": _setuid,
    "setgid": _setgid,
    "setreuid": _setreuid,
    "setregid": _setregid,
    "setresuid": _setresuid,
    "setresgid": _setresgid,
    "setfsuid": _setfsuid,
    "setfsgid": _setfsgid,
    "setgroups": _setgroups,
    "capget": _capget,
    "capset": _capset,
}
