"""The ptrace executor: commands for a user without any right, as if they were root in the image.

A supervisor of the same user answers the system calls that name files or users (see supervisor/). It
needs no privilege and no namespace: only that a process may filter and trace its own children.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import threading
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.executable_folder import Elsewhere, executable_folder
from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.host_files import HostFiles
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, look_up_hosts_without_modules, prctl
from ci_builder.executors.linux.capabilities import SYS_PTRACE, effective
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.ptrace_runs import PtraceRuns
from ci_builder.executors.reading_workspace import ReadingWorkspace
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.surroundings.sysctls import PTRACE, read_sysctls
from ci_builder.executors.trial import refusal
from ci_builder.executors.trial_program import trial_program
from ci_builder.oci.image import Image
from ci_builder.progress import Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree


class PtraceExecutor:
    """See Executor. ``state`` is a private folder that is empty; the roots are ``elsewhere`` when programs
    cannot be started from it."""

    name = "ptrace"

    def __init__(self, state: Path, progress: Progress, elsewhere: Elsewhere | None = None) -> None:
        self._state = state
        self._progress = progress
        self._elsewhere = elsewhere or Elsewhere((), contextlib.ExitStack())
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()
        self._launcher: Launcher | None = None

    def probe(self) -> Verdict:
        """See Executor."""
        try:
            with executable_folder(self._state, self._elsewhere.folders) as state:
                trouble = refusal(lambda: self._try(state))
        except ExecutorError as error:
            return Verdict(False, error.message, error.hint)
        if trouble:
            scopes = dict(read_sysctls(PTRACE))
            return Verdict(False, trouble, remedy(scopes.get(PTRACE[0], ""), SYS_PTRACE in effective()))
        return Verdict(True, "seccomp notifications and ptrace work")

    def enter(self) -> None:
        """See Executor. Raises ExecutorError, OutputError."""
        found = executable_folder(self._state, self._elsewhere.folders)
        self._enter(self._elsewhere.cleanup.enter_context(found))

    def _enter(self, state: Path) -> None:
        # Before the launcher is made: each command is run by a fork of it (see keeper).
        importlib.import_module("ci_builder.executors.supervisor.begin")
        look_up_hosts_without_modules()
        try:
            prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 0)
        except OSError as error:
            raise ExecutorError(describe(error)) from error
        self._state = state
        self._launcher = Launcher()
        HostFiles(state / "host", os.uname().nodename).prepare()

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ExecutorError, ImageError, OutputError."""
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        with self._counting:
            folder = self._state / f"p{next(self._numbers)}"
        make_open_folder(folder)
        ownership = RecordedOwnership(os.geteuid(), os.getegid())
        tree = Tree(os.path.realpath(folder), ownership)
        apply_layers(image.layers, tree, self._progress)
        if not writable:
            return ReadingWorkspace(tree, lambda: remove_folder(str(folder)))
        return FolderWorkspace(tree, self._runs(folder, ownership), self._launcher.remove_as_well)

    def _runs(self, folder: Path, ownership: RecordedOwnership) -> PtraceRuns:
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        return PtraceRuns(self._launcher, folder.with_suffix(".own"), self._state / "host", ownership)

    def _try(self, state: Path) -> None:
        """Start a program in an empty root, which needs notifications, descriptors and ptrace."""
        self._enter(state)
        folder = state / "trial"
        folder.mkdir()
        try:
            (folder / "program").write_bytes(trial_program())
            (folder / "program").chmod(0o755)
            ownership = RecordedOwnership(os.geteuid(), os.getegid())
            said: list[bytes] = []
            runs = self._runs(folder, ownership)
            ended, _ = runs.run(Tree(os.path.realpath(folder), ownership), _TRIAL, said.append)
            if ended.code:
                text = b"".join(said).decode("utf-8", "replace").strip()
                raise ExecutorError(f"a program cannot be supervised: {text or ended.code}")
        finally:
            remove_folder(str(folder))
            remove_folder(str(state / "host"))


def remedy(scope: str, privileged: bool) -> str:
    """What would permit to supervise. ``scope`` is Yama's setting (empty without Yama), ``privileged``
    whether this process may trace whatever it says (Linux, admin-guide/LSM/Yama)."""
    if scope == "3":
        return (
            "start the machine with the sysctl kernel.yama.ptrace_scope=1: 3 forbids all tracing until then"
        )
    if scope == "2" and not privileged:
        return "allow processes to trace their children: sysctl kernel.yama.ptrace_scope=1"
    return "a seccomp profile that permits seccomp and ptrace, such as docker's default, and Linux 5.9"


_TRIAL = Process(("/program",), ())
