"""The names of capabilities, by number (include/uapi/linux/capability.h)."""

from __future__ import annotations

from collections.abc import Iterable

ALL = tuple(
    """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
    AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
    PERFMON BPF CHECKPOINT_RESTORE""".split()
)


def names(numbers: Iterable[int]) -> tuple[str, ...]:
    """The names of ``numbers`` in their order; one that is newer than this list is ``CAP_N``."""
    return tuple(ALL[number] if number < len(ALL) else f"CAP_{number}" for number in sorted(numbers))
