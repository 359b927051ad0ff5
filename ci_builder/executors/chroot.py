"""The chroot executor: the root file system in a folder, commands chrooted into it. Only when asked for.

It works where root may do nothing but what docker's default profile permits, in any container, and it
leaves the container's own files alone. The price: commands have no /proc and no /sys, so programs that
need them (bash's process substitution, Java) fail.
"""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.chroot_runs import ChrootRuns
from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.interface import Verdict, Workspace
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.plain_root import launcher_of_the_same_root, try_files
from ci_builder.executors.reading_workspace import ReadingWorkspace
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.trial import refusal
from ci_builder.oci.image import Image
from ci_builder.progress import Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree


class ChrootExecutor:
    """See Executor. ``state`` is a private folder that is empty."""

    name = "chroot"

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
            return Verdict(False, trouble, "run the build as root of its container")
        return Verdict(True, "root may change owners, make devices and chroot here; commands have no /proc")

    def enter(self) -> None:
        """See Executor. Raises ExecutorError."""
        self._launcher = launcher_of_the_same_root()

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ExecutorError, ImageError, OutputError."""
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        with self._counting:
            folder = self._state / f"c{next(self._numbers)}"
        make_open_folder(folder)
        tree = Tree(str(folder), KernelOwnership(), hire=self._launcher.hire)
        apply_layers(image.layers, tree, self._progress)
        if not writable:
            return ReadingWorkspace(tree, lambda: remove_folder(str(folder)))
        return FolderWorkspace(
            tree, ChrootRuns(self._launcher, folder.with_suffix(".own")), self._launcher.remove_as_well
        )

    def _try(self) -> None:
        try_files(self._state)
        os.setgroups([12345])
        os.chroot(self._state)
