"""Without a network namespace: no sockets but local ones, by a filter on system calls (seccomp(2))."""

from __future__ import annotations

import errno

from ci_builder.executors.linux import seccomp
from ci_builder.executors.linux.architecture import Architecture, of_this_machine
from ci_builder.executors.linux.seccomp import Instruction

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000
_UNIX, _NETLINK = 1, 16


def go_offline() -> None:
    """From now on this thread and its descendants get no socket but unix and netlink ones: the kernel
    answers "Network is unreachable". Needs CAP_SYS_ADMIN or no_new_privs. Raises OSError."""
    seccomp.restrict(program(of_this_machine()))


def program(architecture: Architecture) -> list[Instruction]:
    """The filter. Calls of other architectures (a 32-bit program's socketcall), of x32, and io_uring, which
    makes sockets too, are not there."""
    calls = architecture.calls
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 1, 0, _X32),
        (_EQUAL, 0, 1, calls["io_uring_setup"]),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_EQUAL, 0, 4, calls["socket"]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 2, 0, _UNIX),
        (_EQUAL, 1, 0, _NETLINK),
        (_RETURN, 0, 0, _ERRNO | errno.ENETUNREACH),
        (_RETURN, 0, 0, _ALLOW),
    ]
