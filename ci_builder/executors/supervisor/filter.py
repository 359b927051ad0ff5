"""Which system calls the supervisor is told of, which are refused, and which are the kernel's alone."""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping

from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.seccomp import Instruction
from ci_builder.executors.supervisor.processes import CARRYING, FILTERED_PRCTL
from ci_builder.executors.supervisor.redirect import KEY_ARGUMENT
from ci_builder.executors.supervisor.sockets import SO_PEERCRED, SOL_SOCKET

_ALLOW, _NOTIFY, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW*
_LAST_KNOWN = 453
_NEWER = ("futex_wake", "futex_wait", "futex_requeue", "mseal")

_REFUSED: Mapping[str, int] = {
    # Their arguments are in memory, out of the filter's sight; every libc falls back to older ones.
    "clone3": errno.ENOSYS,
    "openat2": errno.ENOSYS,
    # They open files out of the supervisor's sight.
    "io_uring_setup": errno.ENOSYS,
    "io_uring_enter": errno.ENOSYS,
    "io_uring_register": errno.ENOSYS,
    "open_tree": errno.ENOSYS,
    "name_to_handle_at": errno.EOPNOTSUPP,
    "open_by_handle_at": errno.EPERM,
    "uselib": errno.ENOSYS,
    # The supervisor opens files in the command's place, whatever the command's own domain is.
    "landlock_create_ruleset": errno.EOPNOTSUPP,
    "landlock_add_rule": errno.EOPNOTSUPP,
    "landlock_restrict_self": errno.EOPNOTSUPP,
    # As docker answers root without CAP_SYS_ADMIN.
    "mount": errno.EPERM,
    "umount2": errno.EPERM,
    "pivot_root": errno.EPERM,
    "setns": errno.EPERM,
    "swapon": errno.EPERM,
    "swapoff": errno.EPERM,
    "acct": errno.EPERM,
    "quotactl": errno.EPERM,
    "fanotify_init": errno.EPERM,
    "fanotify_mark": errno.EPERM,
    "mount_setattr": errno.EPERM,
    "move_mount": errno.EPERM,
    "fsopen": errno.EPERM,
    "fspick": errno.EPERM,
}
# The first argument is a process, 0 is the caller.
_OF_A_PROCESS = ("sched_setscheduler", "sched_setparam", "sched_setattr", "migrate_pages", "move_pages")
_UNIX, _NETLINK = 1, 16
_AUDIT = 9  # protocol of netlink

Code = list[Instruction]


def program(architecture: Architecture, notified: Collection[str], *, network: bool, exec_key: int) -> Code:
    """The filter (seccomp(2)): calls by name that are ``notified``; without ``network`` there are no
    sockets but local ones. ``exec_key`` (64 bits): see redirect.py."""
    calls = architecture.calls
    code: Code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    conditional = _conditional(network) | {"execve": _unless_key(exec_key)}
    for name in notified:
        if name in calls and name not in conditional:
            code += [(_EQUAL, 0, 1, calls[name]), (_RETURN, 0, 0, _NOTIFY)]
    for name, block in conditional.items():
        if name in calls:
            code += [(_EQUAL, 0, len(block), calls[name]), *block]
    for name, error in _REFUSED.items():
        if name in calls:
            code += [(_EQUAL, 0, 1, calls[name]), (_RETURN, 0, 0, _ERRNO | error)]
    for name in _NEWER:
        code += [(_EQUAL, 0, 1, calls[name]), (_RETURN, 0, 0, _ALLOW)]
    # Unknown calls may take paths; x32's numbers are beyond as well.
    return [
        *code,
        (_AT_LEAST, 0, 1, _LAST_KNOWN + 1),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _conditional(network: bool) -> dict[str, Code]:
    """Blocks for calls whose arguments decide; each ends in a return."""
    limits = [(number, _NOTIFY) for number in CARRYING]
    found = {name: [*_unless_zero(0), (_RETURN, 0, 0, _ALLOW)] for name in _OF_A_PROCESS}
    found |= {
        "prctl": _by_value(0, [(option, _NOTIFY) for option in FILTERED_PRCTL]),
        "prlimit64": _unless_zero(0) + _by_value(1, limits),
        "setpriority": [*_unless_zero(0), *_unless_zero(1), (_RETURN, 0, 0, _ALLOW)],
        "getsockopt": _if_both(1, SOL_SOCKET, 2, SO_PEERCRED),
        "getrlimit": _by_value(0, limits),
        "setrlimit": _by_value(0, limits),
        "sendto": _unless_null(4),
        "unshare": _if_bits(0, _NEW_NAMESPACES, errno.EPERM),
        "clone": _if_bits(0, _NEW_NAMESPACES, errno.EPERM),
    }
    local = [(family, _ALLOW) for family in (_UNIX, _NETLINK)]
    others = _by_value(0, () if network else local, _ALLOW if network else _ERRNO | errno.ENETUNREACH)
    found["socket"] = _without_audit() + others
    return found


def _without_audit() -> Code:
    """No socket to the kernel's audit, as in a kernel without it: only the machine's root may write to it,
    and programs of a root who may not (sudo) complain."""
    return [
        (_LOAD, 0, 0, _low(2)),
        (_EQUAL, 0, 3, _AUDIT),
        (_LOAD, 0, 0, _low(0)),
        (_EQUAL, 0, 1, _NETLINK),
        (_RETURN, 0, 0, _ERRNO | errno.EPROTONOSUPPORT),
    ]


def _by_value(argument: int, actions: Collection[tuple[int, int]], otherwise: int = _ALLOW) -> Code:
    code: Code = [(_LOAD, 0, 0, _low(argument))]
    for value, action in actions:
        code += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, action)]
    return [*code, (_RETURN, 0, 0, otherwise)]


def _unless_key(key: int) -> Code:
    return [
        (_LOAD, 0, 0, _low(KEY_ARGUMENT)),
        (_EQUAL, 0, 3, key & 0xFFFFFFFF),
        (_LOAD, 0, 0, _low(KEY_ARGUMENT) + 4),
        (_EQUAL, 0, 1, key >> 32),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOTIFY),
    ]


def _unless_zero(argument: int) -> Code:
    """Go on for a zero (of 32 bits)."""
    return [(_LOAD, 0, 0, _low(argument)), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, _NOTIFY)]


def _if_both(one: int, first: int, other: int, second: int) -> Code:
    return [
        (_LOAD, 0, 0, _low(one)),
        (_EQUAL, 0, 3, first),
        (_LOAD, 0, 0, _low(other)),
        (_EQUAL, 0, 1, second),
        (_RETURN, 0, 0, _NOTIFY),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _unless_null(argument: int) -> Code:
    return [
        (_LOAD, 0, 0, _low(argument)),
        (_EQUAL, 0, 2, 0),
        (_LOAD, 0, 0, _low(argument) + 4),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _NOTIFY),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _if_bits(argument: int, bits: int, error: int) -> Code:
    return [
        (_LOAD, 0, 0, _low(argument)),
        (_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, _ERRNO | error),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _low(argument: int) -> int:
    """The offset of an argument's lower half; both architectures are little-endian."""
    return _ARGUMENTS + 8 * argument
