"""Settings of the kernel that decide what an ordinary user may do (sysctl(8))."""

from __future__ import annotations

import contextlib
from pathlib import Path

USER_NAMESPACES = (
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
    "user.max_user_namespaces",
)
PTRACE = ("kernel.yama.ptrace_scope",)


def read_sysctls(names: tuple[str, ...], top: Path = Path("/proc/sys")) -> tuple[tuple[str, str], ...]:
    """(name, value) of those that this kernel has and that can be read."""
    found = []
    for name in names:
        with contextlib.suppress(OSError):
            found.append((name, (top / name.replace(".", "/")).read_text(encoding="ascii").strip()))
    return tuple(found)
