"""A workspace in a plain folder, whose changes are found by comparing with an inventory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from ci_builder.executors.interface import Process
from ci_builder.executors.launcher import Ended
from ci_builder.executors.mount_points import Untouched
from ci_builder.executors.removal import Call, remove_folder
from ci_builder.rootfs.changes import Changes
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.tree import Tree

_PAUSE = 0.05  # seconds


class Runs(Protocol):
    """Runs the commands of one workspace."""

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """Run one to its end; how it ended, and what it only seems to have changed."""

    def stop(self) -> None:
        """Kill what runs, and wait for its end. From any thread."""


class FolderWorkspace:
    """See Workspace. ``tree`` is complete when the workspace is made; its folder is removed at the end, with
    ``call`` as ``remove_folder`` has it."""

    def __init__(self, tree: Tree, runs: Runs, call: Call | None = None) -> None:
        self._tree = tree
        self._runs = runs
        self._call = call
        self._inventory = Inventory.take(tree)
        self._untouched: dict[bytes, Untouched] = {}
        self._closed = False
        self._closing = threading.Lock()
        self._busy = threading.Lock()

    @property
    def tree(self) -> Tree:
        """See Workspace."""
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """See Workspace. Raises ExecutorError."""
        return self.execute(process, output).code

    def execute(self, process: Process, output: Callable[[bytes], None]) -> Ended:
        """Like ``run``, with all that is known of the end. Raises ExecutorError."""
        with self._busy:
            ended, untouched = self._runs.run(self._tree, process, output)
        for directory in untouched:
            self._untouched.setdefault(directory.path, directory)
        return ended

    def changes(self) -> Changes:
        """See Workspace."""
        found, self._inventory = self._inventory.changes(self._tree)
        traces = {path for path, before in self._untouched.items() if before.is_unchanged(self._tree)}
        self._untouched.clear()
        return found.without(traces)

    def close(self) -> None:
        """See Workspace."""
        self._end_command()
        with self._closing:
            if not self._closed:
                self._closed = True
                remove_folder(self._tree.root, self._call)

    def _end_command(self) -> None:
        """Stop the command and wait until all is put back that was changed for it, even when it was only
        about to start."""
        self._runs.stop()
        while not self._busy.acquire(timeout=_PAUSE):
            self._runs.stop()
        self._busy.release()
