"""The ptrace executor: commands for a user without any right, as if they were root in the image.

A supervisor of the same user answers the system calls that name files or users (see supervisor/). It
needs no privilege and no namespace: only that a process may filter and trace its own children.
"""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.host_files import HostFiles
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, look_up_hosts_without_modules, prctl
from ci_builder.executors.ptrace_runs import PtraceRuns
from ci_builder.executors.reading_workspace import ReadingWorkspace
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.trial import refusal
from ci_builder.executors.trial_program import trial_program
from ci_builder.oci.image import Image
from ci_builder.progress import Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree


class PtraceExecutor:
    """See Executor. ``state`` is a private folder that is empty, on a file system that permits to execute."""

    name = "ptrace"

    def __init__(self, state: Path, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()
        self._launcher: Launcher | None = None

    def probe(self) -> Verdict:
        """See Executor."""
        trouble = refusal(self._try)
        if trouble:
            return Verdict(False, trouble, "a kernel and a seccomp profile that permit seccomp and ptrace")
        return Verdict(True, "seccomp notifications and ptrace work")

    def enter(self) -> None:
        """See Executor. Raises ExecutorError."""
        look_up_hosts_without_modules()
        try:
            prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 0)
        except OSError as error:
            raise ExecutorError(describe(error)) from error
        self._launcher = Launcher()
        HostFiles(self._state / "host").prepare()

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ExecutorError, ImageError, OutputError."""
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        with self._counting:
            folder = self._state / f"p{next(self._numbers)}"
        folder.mkdir(mode=0o755)
        ownership = RecordedOwnership(os.geteuid(), os.getegid())
        tree = Tree(os.path.realpath(folder), ownership)
        apply_layers(image.layers, tree, self._progress)
        if not writable:
            return ReadingWorkspace(tree, lambda: remove_folder(str(folder)))
        return FolderWorkspace(tree, self._runs(folder, ownership))

    def _runs(self, folder: Path, ownership: RecordedOwnership) -> PtraceRuns:
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        return PtraceRuns(self._launcher, folder.with_suffix(".own"), self._state / "host", ownership)

    def _try(self) -> None:
        """Start a program in an empty root, which needs notifications, descriptors and ptrace."""
        self.enter()
        folder = self._state / "trial"
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
                raise ExecutorError(f"a program cannot be started in {self._state}: {text or ended.code}")
        finally:
            remove_folder(str(folder))
            remove_folder(str(self._state / "host"))


_TRIAL = Process(("/program",), ())
