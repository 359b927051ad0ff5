"""Who this process is, and what it may do (proc(5), /proc/PID/status)."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Mapping

from ci_builder.executors.linux.capability_names import names
from ci_builder.values import dataclass

_SECCOMP = {"0": "none", "1": "strict", "2": "filter"}


@dataclass(frozen=True, slots=True)
class Standing:
    """``user`` is the name of ``uid``, empty where passwd has none. ``capabilities`` are those in effect,
    ``bounding`` those that a program could get. ``seccomp`` is none, strict, filter or unknown; ``profile``
    the security module's name for this process, such as ``docker-default (enforce)``, or empty."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    user: str
    capabilities: tuple[str, ...]
    bounding: tuple[str, ...]
    no_new_privs: bool
    seccomp: str
    profile: str
    kernel: str
    machine: str


def standing() -> Standing:
    """This process. Raises OSError where there is no /proc."""
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        status = read_status(file.read())
    return Standing(
        uid=os.geteuid(),
        gid=os.getegid(),
        groups=tuple(sorted(os.getgroups())),
        user=_name(os.geteuid()),
        capabilities=capability_set(status.get("CapEff", "0")),
        bounding=capability_set(status.get("CapBnd", "0")),
        no_new_privs=status.get("NoNewPrivs") == "1",
        seccomp=_SECCOMP.get(status.get("Seccomp", ""), "unknown"),
        profile=_profile(),
        kernel=f"{os.uname().sysname} {os.uname().release}",
        machine=os.uname().machine,
    )


def read_status(text: str) -> Mapping[str, str]:
    """The lines ``Name: value`` of a status file."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def capability_set(text: str) -> tuple[str, ...]:
    """The names in a mask as it stands in a status file (hexadecimal)."""
    bits = int(text, 16)
    return names(number for number in range(64) if bits >> number & 1)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _profile() -> str:
    for path in ("/proc/self/attr/apparmor/current", "/proc/self/attr/current"):
        # Where no module is active, reading fails.
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    return ""
