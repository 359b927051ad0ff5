"""The executor for stages without RUN: no privilege, no base image on disk beyond what names need.

COPY and WORKDIR have to see the base's directories, symbolic links and accounts, and nothing else of it:
a skeleton with empty files does. Owners and devices are recorded instead of set.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.removal import remove_folder
from ci_builder.oci.image import Image
from ci_builder.progress import Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.changes import Changes
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree

_ACCOUNTS = frozenset({b"etc/passwd", b"etc/group"})


class NoneExecutor:
    """See Executor. ``state`` is a private folder that is empty."""

    name = "none"

    def __init__(self, state: Path, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()

    def probe(self) -> Verdict:
        """Works everywhere."""
        return Verdict(True, "no command has to be run")

    def enter(self) -> None:
        """Nothing to do."""

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Raises ImageError, OutputError."""
        with self._counting:
            folder = self._state / f"n{next(self._numbers)}"
        make_open_folder(folder)
        tree = Tree(str(folder), RecordedOwnership(os.geteuid(), os.getegid()))
        apply_layers(image.layers, tree, self._progress, keep=_ACCOUNTS if writable else None)
        return _SkeletonWorkspace(tree, lambda: remove_folder(str(folder)))


class _SkeletonWorkspace:
    def __init__(self, tree: Tree, discard: Callable[[], None]) -> None:
        self._tree = tree
        self._discard = [discard]
        self._inventory = Inventory.take(tree)

    @property
    def tree(self) -> Tree:
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        raise ExecutorError(
            "RUN needs an executor that can run commands; this one only copies",
            hint="use --isolation=auto",
        )

    def changes(self) -> Changes:
        found, self._inventory = self._inventory.changes(self._tree)
        return found

    def close(self) -> None:
        while self._discard:
            self._discard.pop()()
