"""The surroundings in which each executor is measured, made in the process that measures it."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.native import NativeExecutor
from ci_builder.executors.chroot import ChrootExecutor
from ci_builder.executors.interface import Executor
from ci_builder.executors.linux.calls import prctl
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.ptrace import PtraceExecutor
from ci_builder.progress import silent

USER = 1000
_PR_SET_NO_NEW_PRIVS = 38

MAKERS: dict[str, Callable[[Path], Executor]] = {
    "native": NativeExecutor,
    "namespace": lambda state: NamespaceExecutor(state, silent),
    "ptrace": lambda state: PtraceExecutor(state, silent),
    "chroot": lambda state: ChrootExecutor(state, silent),
}
TITLES = {
    "native": "native chroot, root",
    "namespace": "namespace, root",
    "ptrace": f"ptrace, uid {USER} without any right",
    "chroot": "chroot, root",
}
NOT_MEASURED = "`in-place` replaces the root file system that it runs in, so it is not measured on a machine."


def become_ordinary(state: Path) -> None:
    """Give ``state`` to an ordinary user and become that user, without capabilities and for good."""
    # The interpreter may lie where only root gets to: what it loads by name is loaded now.
    codecs.lookup("ascii")
    os.chown(state, USER, USER)
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)
