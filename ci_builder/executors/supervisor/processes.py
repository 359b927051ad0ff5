"""umask, limits, prctl, kill: what belongs to a process, not to files."""

from __future__ import annotations

import errno
import os
import struct

from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import KILL, RLIMIT_LOCKS, SETPCAP, Context
from ci_builder.executors.supervisor.kernel import Handlers, Kernel
from ci_builder.executors.supervisor.others import need_held, permit_change, permit_signal
from ci_builder.executors.supervisor.room import RLIMIT_RSS
from ci_builder.values import replace

CARRYING = (RLIMIT_LOCKS, RLIMIT_RSS)
"""Limits that carry something of the supervisor's: context.py, room.py."""

_UNLIMITED = 0xFFFFFFFFFFFFFFFF
_SET_DUMPABLE, _GET_KEEPCAPS, _SET_KEEPCAPS = 4, 7, 8
_CAPBSET_READ, _CAPBSET_DROP, _SET_SECUREBITS, _AMBIENT = 23, 24, 28, 47
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39
_LAST_CAPABILITY = 40
_AMBIENT_RAISE, _AMBIENT_CLEAR = 2, 4
_AMBIENT_OF_ONE = (1, _AMBIENT_RAISE, 3)


def _umask(kernel: Kernel, call: Call) -> int:
    context = kernel.contexts.of(call.task)
    kernel.contexts.put(call.task, replace(context, umask=call.arguments[0] & 0o777))
    return context.umask


def _prlimit(kernel: Kernel, call: Call) -> int | None:
    """Of another process, or a limit that carries something (see the filter): those look unlimited."""
    target, number, new, old, *_ = call.arguments
    permit_change(kernel, call, signed(target))
    if number & 0xFFFFFFFF in CARRYING:
        return _limit(call, new, old)
    return kernel.let_go_on(call)


def _getrlimit(kernel: Kernel, call: Call) -> int:
    return _limit(call, 0, call.arguments[1])


def _setrlimit(kernel: Kernel, call: Call) -> int:
    return _limit(call, call.arguments[1], 0)


def _limit(call: Call, new: int, old: int) -> int:
    if new:
        soft, hard = struct.unpack("=QQ", call.read(new, 16))
        if soft > hard:
            raise failure(errno.EINVAL)
    if old:
        call.write(old, struct.pack("=QQ", _UNLIMITED, _UNLIMITED))
    return 0


def _prctl(kernel: Kernel, call: Call) -> int | None:
    """Only options of ``FILTERED_PRCTL``."""
    option, value, *_ = (item & 0xFFFFFFFF for item in call.arguments)
    context = kernel.contexts.of(call.task)
    if option == _GET_KEEPCAPS:
        return int(context.keep_capabilities)
    if option == _SET_KEEPCAPS:
        if value > 1:
            raise failure(errno.EINVAL)
        kernel.contexts.put(call.task, replace(context, keep_capabilities=bool(value)))
        return 0
    if option == _SET_DUMPABLE:
        # Not passed on: the supervisor could not look into the process any more.
        if value > 1:
            raise failure(errno.EINVAL)
        if value == 1:
            return kernel.let_go_on(call)
        return 0
    if option in (_GET_NO_NEW_PRIVS, _SET_NO_NEW_PRIVS):
        return _new_privileges(kernel, call, context)
    return _change_capabilities(kernel, call, context)


def _new_privileges(kernel: Kernel, call: Call, context: Context) -> int:
    option, *rest = call.arguments[:5]
    if option & 0xFFFFFFFF == _GET_NO_NEW_PRIVS:
        if any(rest):
            raise failure(errno.EINVAL)
        return int(context.no_new_privileges)
    if rest != [1, 0, 0, 0]:
        raise failure(errno.EINVAL)
    kernel.contexts.put(call.task, replace(context, no_new_privileges=True))
    return 0


def _change_capabilities(kernel: Kernel, call: Call, context: Context) -> int:
    option, value, *_ = (item & 0xFFFFFFFF for item in call.arguments)
    if option == _AMBIENT:
        # There are none: clearing, lowering and asking are true, raising would not be.
        _, _, capability, *others = call.arguments[:5]
        unknown = value not in _AMBIENT_OF_ONE or capability > _LAST_CAPABILITY
        if any(others) or (capability if value == _AMBIENT_CLEAR else unknown):
            raise failure(errno.EINVAL)
        if value == _AMBIENT_RAISE:
            raise failure(errno.EPERM)
        return 0
    if option in (_CAPBSET_READ, _CAPBSET_DROP) and value > _LAST_CAPABILITY:
        raise failure(errno.EINVAL)
    if option == _CAPBSET_READ:
        return context.bounding >> value & 1
    if not context.may(SETPCAP) or (option == _SET_SECUREBITS and value):
        raise failure(errno.EPERM)
    if option == _SET_SECUREBITS:
        return 0
    kernel.contexts.put(call.task, replace(context, bounding=context.bounding & ~(1 << value)))
    return 0


FILTERED_PRCTL = (
    _SET_KEEPCAPS,
    _GET_KEEPCAPS,
    _SET_DUMPABLE,
    _CAPBSET_READ,
    _CAPBSET_DROP,
    _SET_SECUREBITS,
    _AMBIENT,
    _SET_NO_NEW_PRIVS,
    _GET_NO_NEW_PRIVS,
)


def _kill(kernel: Kernel, call: Call) -> int | None:
    """Signals go to the command's own processes only."""
    target, number = signed(call.arguments[0]), signed(call.arguments[1])
    if target > 0:
        need_held(kernel, target)
        permit_signal(kernel, call, target)
    if target == -1:
        return kernel.signal_all(call.task, number)
    if target < 0 or (target == 0 and not kernel.contexts.of(call.task).may(KILL)):
        group = -target or os.getpgid(call.task)
        return kernel.signal_group(call.task, group, number)
    return kernel.let_go_on(call)


def _getaffinity(kernel: Kernel, call: Call) -> int | None:
    told = kernel.affinity.tell(call)
    if told is None:
        return kernel.let_go_on(call)
    return told


def _setaffinity(kernel: Kernel, call: Call) -> int | None:
    permit_change(kernel, call, signed(call.arguments[0]))
    kernel.affinity.leave_alone()
    return kernel.let_go_on(call)


HANDLERS: Handlers = {
    "sched_getaffinity": _getaffinity,
    "sched_setaffinity": _setaffinity,
    "umask": _umask,
    "prlimit64": _prlimit,
    "getrlimit": _getrlimit,
    "setrlimit": _setrlimit,
    "prctl": _prctl,
    "kill": _kill,
}
