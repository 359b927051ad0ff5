"""Numbers of the kernel's interface, as data (include/uapi/linux/*.h, asm/unistd.h)."""

from __future__ import annotations

import os

from ci_builder.executors.linux.architecture import AARCH64, X86_64, Architecture
from ci_builder.values import dataclass, fields

CLONE_FS = 0x200
CLONE_NEWNS = 0x20000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18

MNT_DETACH = 2

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class Numbers:
    """System call numbers of one architecture; ``audit`` is its AUDIT_ARCH. -1: it has no such call.

    ``stat_mode``, ``stat_ids`` and ``stat_rdev`` are offsets in its struct stat: mode, uid (gid follows)
    and device.
    """

    audit: int
    pivot_root: int
    capset: int
    seccomp: int
    fchownat: int
    fchown: int
    mknodat: int
    setuid: int
    setgid: int
    setreuid: int
    setregid: int
    setgroups: int
    setresuid: int
    setresgid: int
    setfsuid: int
    setfsgid: int
    unlinkat: int
    renameat2: int
    renameat: int
    fstat: int
    newfstatat: int
    statx: int
    chown: int
    lchown: int
    mknod: int
    unlink: int
    rmdir: int
    rename: int
    stat: int
    lstat: int
    mount_setattr: int
    close_range: int
    signalfd4: int
    landlock_create_ruleset: int
    landlock_add_rule: int
    landlock_restrict_self: int
    stat_mode: int
    stat_ids: int
    stat_rdev: int


_LAYOUT = frozenset({"audit", "stat_mode", "stat_ids", "stat_rdev"})


def _numbers(architecture: Architecture) -> Numbers:
    names = [item.name for item in fields(Numbers) if item.name not in _LAYOUT]
    return Numbers(
        audit=architecture.audit,
        stat_mode=architecture.stat_mode,
        stat_ids=architecture.stat_ids,
        stat_rdev=architecture.stat_rdev,
        **{name: architecture.calls.get(name, -1) for name in names},
    )


BY_MACHINE = {item.name: _numbers(item) for item in (X86_64, AARCH64)}


def of_this_machine() -> Numbers:
    """The numbers of the architecture that this process runs on. Raises OSError (ENOSYS)."""
    numbers = BY_MACHINE.get(os.uname().machine)
    if numbers is None:
        raise OSError(38, f"system call numbers of {os.uname().machine} are not known")
    return numbers
