"""Numbers of the kernel's interface, as data (include/uapi/linux/*.h, asm/unistd.h)."""

from __future__ import annotations

import platform
from dataclasses import dataclass

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
UMOUNT_NOFOLLOW = 8

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1

PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


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
    chown: int = -1
    lchown: int = -1
    mknod: int = -1
    unlink: int = -1
    rmdir: int = -1
    rename: int = -1
    stat: int = -1
    lstat: int = -1
    mount_setattr: int = 442
    close_range: int = 436
    landlock_create_ruleset: int = 444
    landlock_add_rule: int = 445
    landlock_restrict_self: int = 446
    stat_mode: int = 24
    stat_ids: int = 28
    stat_rdev: int = 40


BY_MACHINE = {
    "x86_64": Numbers(
        audit=0xC000003E,
        pivot_root=155,
        capset=126,
        seccomp=317,
        fchownat=260,
        fchown=93,
        mknodat=259,
        setuid=105,
        setgid=106,
        setreuid=113,
        setregid=114,
        setgroups=116,
        setresuid=117,
        setresgid=119,
        setfsuid=122,
        setfsgid=123,
        unlinkat=263,
        renameat2=316,
        renameat=264,
        fstat=5,
        newfstatat=262,
        statx=332,
        stat=4,
        lstat=6,
        chown=92,
        lchown=94,
        mknod=133,
        unlink=87,
        rmdir=84,
        rename=82,
    ),
    "aarch64": Numbers(
        audit=0xC00000B7,
        pivot_root=41,
        capset=91,
        seccomp=277,
        fchownat=54,
        fchown=55,
        mknodat=33,
        setuid=146,
        setgid=144,
        setreuid=145,
        setregid=143,
        setgroups=159,
        setresuid=147,
        setresgid=149,
        setfsuid=151,
        setfsgid=152,
        unlinkat=35,
        renameat2=276,
        renameat=38,
        fstat=80,
        newfstatat=79,
        statx=291,
        stat_mode=16,
        stat_ids=24,
        stat_rdev=32,
    ),
}


def of_this_machine() -> Numbers:
    """The numbers of the architecture that this process runs on. Raises OSError (ENOSYS)."""
    numbers = BY_MACHINE.get(platform.machine())
    if numbers is None:
        raise OSError(38, f"system call numbers of {platform.machine()} are not known")
    return numbers
