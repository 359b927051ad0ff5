"""A landlock domain: the processes outside of it cannot be traced or read by those inside.

Used only for that side effect (Documentation/userspace-api/landlock.rst, "Ptrace restrictions"): it
covers /proc/PID/environ, mem, fd and root. Files stay accessible as before.
"""

from __future__ import annotations

import ctypes
import os

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import system_call

_VERSION = 1
_ACCESS_REFER = 1 << 13
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

    Needs no_new_privs or CAP_SYS_ADMIN, and ABI 2: the first one forbids to rename or link files from
    one directory to another, which no package manager survives.
    """
    abi = version()
    if abi < 2:
        raise OSError(95, os.strerror(95), "landlock ABI 2")
    numbers = n.of_this_machine()
    scoped = _SCOPE_SIGNAL if abi >= 6 else 0
    attributes = (ctypes.c_uint64 * 3)(0 if scoped else _ACCESS_REFER, 0, scoped)
    size = ctypes.sizeof(attributes) if scoped else 8
    ruleset = system_call(
        "landlock_create_ruleset",
        numbers.landlock_create_ruleset,
        ctypes.byref(attributes),
        size,
        0,
    )
    try:
        if not scoped:
            _allow_renames(numbers, ruleset)
        system_call("landlock_restrict_self", numbers.landlock_restrict_self, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_renames(numbers: n.Numbers, ruleset: int) -> None:
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(_ACCESS_REFER, top)
        system_call(
            "landlock_add_rule",
            numbers.landlock_add_rule,
            ruleset,
            _RULE_PATH_BENEATH,
            ctypes.byref(rule),
            0,
        )
    finally:
        os.close(top)
