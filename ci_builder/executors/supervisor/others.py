"""Calls that act on other processes by their number: there are only those of the command.

The kernel would look at the uid alone, which the job's other processes and the builder have, too.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.kernel import Handler, Handlers, Kernel, group_of
from ci_builder.executors.supervisor.members import members

_PROCESS, _GROUP, _USER = 0, 1, 2
_OF_IOPRIO = {1: _PROCESS, 2: _GROUP, 3: _USER}


def _signalling(argument: int) -> Handler:
    """A signal to the thread that an ``argument`` names."""

    def handle(kernel: Kernel, call: Call) -> int | None:
        target = signed(call.arguments[argument])
        if target > 0:
            need_held(kernel, target)
            permit_signal(kernel, call, target)
        return kernel.let_go_on(call)

    return handle


def _open(kernel: Kernel, call: Call) -> int | None:
    target = signed(call.arguments[0])
    if target > 0:
        need_held(kernel, target)
    return kernel.let_go_on(call)


def _changing(kernel: Kernel, call: Call) -> int | None:
    """How the process that the first argument names is scheduled, or where its memory is."""
    permit_change(kernel, call, signed(call.arguments[0]))
    return kernel.let_go_on(call)


def _setpriority(kernel: Kernel, call: Call) -> int | None:
    which, who, value, *_ = map(signed, call.arguments)
    if which not in (_GROUP, _USER):
        permit_change(kernel, call, who)
        return kernel.let_go_on(call)
    if which == _GROUP:
        group = who or group_of(call.task)
        return _set_priorities(kernel, call, lambda process: group_of(process) == group, value)
    uid = who or kernel.contexts.of(call.task).user.real
    return _set_priorities(kernel, call, lambda process: kernel.contexts.of(process).user.real == uid, value)


def _set_priorities(kernel: Kernel, call: Call, wanted: Callable[[int], bool], value: int) -> int:
    """Of all that are wanted; what one refuses is told in the end (setpriority(2))."""
    result = -errno.ESRCH
    for process in members(kernel.contexts):
        with contextlib.suppress(ProcessLookupError):
            if not wanted(process):
                continue
            try:
                permit_change(kernel, call, process)
                os.setpriority(os.PRIO_PROCESS, process, value)
                result = 0 if result == -errno.ESRCH else result
            except PermissionError as error:
                result = -(error.errno or errno.EPERM)
    return result


def _ioprio_set(kernel: Kernel, call: Call) -> int | None:
    which = _OF_IOPRIO.get(signed(call.arguments[0]))
    if which == _USER:
        raise failure(errno.EPERM)
    who = signed(call.arguments[1])
    if which == _PROCESS:
        permit_change(kernel, call, who)
    if which == _GROUP and who and who not in map(group_of, members(kernel.contexts)):
        raise failure(errno.ESRCH)
    return kernel.let_go_on(call)


def need_held(kernel: Kernel, target: int) -> None:
    """Raises OSError (ESRCH) for a thread that is none of the command's."""
    if not kernel.contexts.holds(target):
        raise failure(errno.ESRCH)


def permit_signal(kernel: Kernel, call: Call, target: int) -> None:
    """kill(2). Raises OSError (EPERM)."""
    if not kernel.may_signal(kernel.contexts.of(call.task), kernel.contexts.of(target)):
        raise failure(errno.EPERM)


def permit_change(kernel: Kernel, call: Call, target: int) -> None:
    """sched_setscheduler(2) without CAP_SYS_NICE, prlimit(2) without CAP_SYS_RESOURCE: one's own user's
    processes; 0 is the caller. Raises OSError (ESRCH, EPERM)."""
    if target <= 0:
        return
    need_held(kernel, target)
    mine, theirs = kernel.contexts.of(call.task).user, kernel.contexts.of(target).user
    if mine.effective not in (theirs.real, theirs.effective):
        raise failure(errno.EPERM)


HANDLERS: Handlers = {
    "tkill": _signalling(0),
    "tgkill": _signalling(1),
    "rt_sigqueueinfo": _signalling(0),
    "rt_tgsigqueueinfo": _signalling(1),
    "pidfd_open": _open,
    "sched_setscheduler": _changing,
    "sched_setparam": _changing,
    "sched_setattr": _changing,
    "migrate_pages": _changing,
    "move_pages": _changing,
    "setpriority": _setpriority,
    "ioprio_set": _ioprio_set,
}
