"""What differs between processor architectures: registers, struct stat, numbers of system calls."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from ci_builder.executors.linux import calls_aarch64, calls_x86_64
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture.

    ``audit`` is its AUDIT_ARCH, ``calls`` the numbers of its system calls by name. Registers are those of
    ptrace's NT_PRSTATUS, ``registers`` words of 64 bits; the others are indexes into them: a system call's
    ``arguments``, its ``number`` when it is entered, its ``result``, the number that the kernel remembers
    (``entered``: writing -1 there keeps it from restarting the call; None where it forgets by itself),
    program counter and stack pointer. ``call_size`` is the size in bytes of the instruction that enters
    the kernel. ``stat`` unpacks device, inode, mode, uid, gid, rdev of its struct stat (``stat_order``
    says at which positions), which is ``stat_size`` bytes long. ``large_file`` is O_LARGEFILE, which some C
    libraries set and the kernel assumes.
    """

    name: str
    audit: int
    calls: Mapping[str, int]
    registers: int
    arguments: tuple[int, int, int, int, int, int]
    number: int
    result: int
    entered: int | None
    counter: int
    stack: int
    call_size: int
    stat: struct.Struct
    stat_order: tuple[int, int, int, int, int, int]
    stat_size: int
    stat_mode: int
    stat_ids: int
    stat_rdev: int
    large_file: int


X86_64 = Architecture(
    name="x86_64",
    audit=0xC000003E,
    calls=calls_x86_64.NUMBERS,
    registers=27,
    arguments=(14, 13, 12, 7, 9, 8),
    number=10,
    result=10,
    entered=15,
    counter=16,
    stack=19,
    call_size=2,
    stat=struct.Struct("=QQQIIIIQ"),
    stat_order=(0, 1, 3, 4, 5, 7),
    stat_size=144,
    stat_mode=24,
    stat_ids=28,
    stat_rdev=40,
    large_file=0o100000,
)

AARCH64 = Architecture(
    name="aarch64",
    audit=0xC00000B7,
    calls=calls_aarch64.NUMBERS,
    registers=34,
    arguments=(0, 1, 2, 3, 4, 5),
    number=8,
    result=0,
    entered=None,
    counter=32,
    stack=31,
    call_size=4,
    stat=struct.Struct("=QQIIIIQ"),
    stat_order=(0, 1, 2, 4, 5, 6),
    stat_size=128,
    stat_mode=16,
    stat_ids=24,
    stat_rdev=32,
    large_file=0o400000,
)

_BY_MACHINE = {item.name: item for item in (X86_64, AARCH64)}


def of_this_machine() -> Architecture:
    """The architecture that this process runs on. Raises OSError (ENOSYS)."""
    found = _BY_MACHINE.get(os.uname().machine)
    if found is None:
        raise OSError(38, f"the system calls of {os.uname().machine} are not known")
    return found
