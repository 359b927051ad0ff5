"""What a RUN command may do as root: docker's default capabilities (capabilities(7))."""

from __future__ import annotations

import ctypes

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import prctl, system_call

# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT
# MKNOD AUDIT_WRITE SETFCAP
DOCKER_DEFAULT = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
SETPCAP = 8
SYS_PTRACE = 19
SYS_ADMIN = 21
_VERSION_3 = 0x20080522


def effective() -> frozenset[int]:
    """The capabilities that this thread has in effect, by number."""
    with open("/proc/thread-self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("CapEff:"):
                bits = int(line.split()[1], 16)
                return frozenset(number for number in range(64) if bits >> number & 1)
    return frozenset()


def limit_to(allowed: frozenset[int]) -> None:
    """Keep at most ``allowed`` in every capability set, for good. Raises OSError."""
    for number in range(64):
        try:
            if number not in allowed and prctl("PR_CAPBSET_READ", n.PR_CAPBSET_READ, number):
                prctl("PR_CAPBSET_DROP", n.PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno != 22 or number <= 31:
                raise
            break  # past the last capability that this kernel knows
    _set(effective() & allowed)


def _set(allowed: frozenset[int]) -> None:
    low = sum(1 << item for item in allowed if item < 32)
    high = sum(1 << (item - 32) for item in allowed if item >= 32)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # effective, permitted, inheritable of the low half, then of the high half; capset(2)
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    number = n.of_this_machine().capset
    system_call("capset", number, ctypes.byref(header), ctypes.byref(data))
