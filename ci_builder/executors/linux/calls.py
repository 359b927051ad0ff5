"""Thin typed wrappers of system calls. Each raises OSError whose filename is the call's description."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Collection

from ci_builder.executors.linux import numbers as n

# Loaded once at import: later the C library on disk may be another distribution's.
_LIBC = ctypes.CDLL(None, use_errno=True)
_HELD = ctypes.PyDLL(None, use_errno=True)
_NAMESPACES = {
    n.CLONE_FS: "FS",
    n.CLONE_NEWNS: "NEWNS",
    n.CLONE_NEWUTS: "NEWUTS",
    n.CLONE_NEWIPC: "NEWIPC",
    n.CLONE_NEWUSER: "NEWUSER",
    n.CLONE_NEWPID: "NEWPID",
    n.CLONE_NEWNET: "NEWNET",
}


def library() -> ctypes.CDLL:
    """The C library; its functions set ctypes' errno."""
    return _LIBC


def quick_library() -> ctypes.PyDLL:
    """The same with less ado: no other thread of this process runs meanwhile, so a call must not wait for
    one."""
    return _HELD


def check(result: int, call: str) -> int:
    """``result`` unless it is negative. Raises OSError that names ``call``."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), call)
    return result


def describe(error: OSError) -> str:
    """``error`` in one line: call and reason, such as ``unshare(NEWUSER): Operation not permitted``."""
    reason = error.strerror or os.strerror(error.errno or 0)
    if error.errno == errno.EAGAIN:
        reason += " (a limit on processes, as of --pids-limit or ulimit -u)"
    return f"{os.fsdecode(error.filename)}: {reason}" if error.filename else reason


def system_call(call: str, number: int, *arguments: object) -> int:
    """The system call ``number``; ``call`` is how errors name it. Integers are passed as longs."""
    if number < 0:
        raise OSError(38, os.strerror(38), call)
    passed = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return check(_LIBC.syscall(ctypes.c_long(number), *passed), call)


def unshare(flags: int) -> None:
    """unshare(2) with CLONE_* ``flags``."""
    names = "|".join(name for bit, name in _NAMESPACES.items() if flags & bit)
    check(_LIBC.unshare(ctypes.c_int(flags)), f"unshare({names})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); an empty ``kind`` or ``options`` is passed as NULL."""
    result = _LIBC.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        os.fsencode(options) or None,
    )
    check(result, f"mount({kind or 'bind'} on {target})")


def umount(target: str, flags: int = n.MNT_DETACH) -> None:
    """umount2(2)."""
    check(_LIBC.umount2(os.fsencode(target), ctypes.c_int(flags)), f"umount2({target})")


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    number = n.of_this_machine().pivot_root
    system_call("pivot_root", number, os.fsencode(new_root), os.fsencode(put_old))


def prctl(name: str, option: int, value: int = 0) -> int:
    """prctl(2) with one argument; ``name`` is how errors call the option."""
    unused = ctypes.c_ulong(0)
    result = _LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(value), unused, unused, unused)
    return check(result, f"prctl({name})")


def make_read_only(target: str) -> None:
    """Make the mounts at and below ``target`` read-only: mount_setattr(2), Linux 5.12."""
    attributes = (ctypes.c_uint64 * 4)(n.MOUNT_ATTR_RDONLY, 0, 0, 0)
    system_call(
        f"mount_setattr({target})",
        n.of_this_machine().mount_setattr,
        n.AT_FDCWD,
        os.fsencode(target),
        n.AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def close_from(first: int, keep: frozenset[int]) -> None:
    """Close every descriptor from ``first`` on that is not in ``keep``."""
    start = first
    for kept in sorted(item for item in keep if item >= first):
        _close_range(start, kept - 1)
        start = kept + 1
    _close_range(start, 0xFFFFFFFF)


def _close_range(first: int, last: int) -> None:
    if first > last:
        return
    try:
        system_call("close_range", n.of_this_machine().close_range, first, last, 0)
    except OSError:
        # Before Linux 5.9, or a seccomp profile that does not know the call.
        for name in os.listdir("/proc/self/fd"):
            if first <= int(name) <= last:
                os.closerange(int(name), int(name) + 1)


def signal_descriptor(numbers: Collection[int]) -> int:
    """A descriptor to hear of these signals, which are blocked: signalfd(2). Raises OSError."""
    mask = ctypes.c_uint64(sum(1 << (number - 1) for number in numbers))
    number = n.of_this_machine().signalfd4
    return system_call("signalfd", number, -1, ctypes.byref(mask), 8, os.O_CLOEXEC | os.O_NONBLOCK)


def look_up_hosts_without_modules() -> None:
    """Pin glibc's host look-up to its own ``files`` and ``dns``.

    After a foreign root file system was unpacked over ``/``, its nsswitch.conf would make this
    process load that system's NSS modules. Does nothing where the C library has no such function.
    """
    configure = getattr(_LIBC, "__nss_configure_lookup", None)
    if configure is not None:
        configure(b"hosts", b"files dns")
