"""Landlock domains (Documentation/userspace-api/landlock.rst).

The processes outside of a domain cannot be traced or read by those inside ("Ptrace restrictions"): that
covers /proc/PID/environ, mem, fd and root. And a domain can be limited to some files.
"""

from __future__ import annotations

import ctypes
import os
import stat as stat_module
from collections.abc import Iterable

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import system_call

_VERSION = 1
_ACCESS_FIRST = (1 << 13) - 1  # all of ABI 1
_ACCESS_REFER = 1 << 13
_ACCESS_SINCE = ((2, _ACCESS_REFER), (3, 1 << 14), (5, 1 << 15))  # truncate; ioctl of devices
_ACCESS_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # execute, write, read, truncate, ioctl
_SCOPE_SIGNAL = 1 << 1
_RULE_PATH_BENEATH = 1


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """The landlock ABI of this kernel, 0 where there is none."""
    numbers = n.of_this_machine()
    try:
        return system_call("landlock", numbers.landlock_create_ruleset, ctypes.c_void_p(), 0, _VERSION)
    except OSError:
        return 0


def enclose() -> None:
    """Put this thread into a domain of its own. Raises OSError where that cannot be done.

    Files stay accessible as before. Needs no_new_privs or CAP_SYS_ADMIN, and ABI 2: the first one forbids
    to rename or link files from one directory to another, which no package manager survives.
    """
    abi = version()
    if abi < 2:
        raise OSError(95, os.strerror(95), "landlock ABI 2")
    if abi >= 6:
        _restrict(0, (), _SCOPE_SIGNAL)
    else:
        _restrict(_ACCESS_REFER, ("/",), 0)


def enclose_in(paths: Iterable[str]) -> None:
    """The same, and from now on this thread opens, executes, makes and removes files by its own calls only
    at and below ``paths``. Descriptors that it is given are not limited. Needs ABI 1. Raises OSError."""
    abi = version()
    access = _ACCESS_FIRST | sum(bit for since, bit in _ACCESS_SINCE if abi >= since)
    _restrict(access, paths, _SCOPE_SIGNAL if abi >= 6 else 0)


def _restrict(access: int, allowed: Iterable[str], scoped: int) -> None:
    numbers = n.of_this_machine()
    attributes = (ctypes.c_uint64 * 3)(access, 0, scoped)
    ruleset = system_call(
        "landlock_create_ruleset",
        numbers.landlock_create_ruleset,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes) if scoped else 8,
        0,
    )
    try:
        for path in allowed:
            _allow(numbers, ruleset, access, path)
        system_call("landlock_restrict_self", numbers.landlock_restrict_self, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(numbers: n.Numbers, ruleset: int, access: int, path: str) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat_module.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _ACCESS_OF_FILES
        rule = _PathBeneath(access, descriptor)
        system_call(
            "landlock_add_rule",
            numbers.landlock_add_rule,
            ruleset,
            _RULE_PATH_BENEATH,
            ctypes.byref(rule),
            0,
        )
    finally:
        os.close(descriptor)
