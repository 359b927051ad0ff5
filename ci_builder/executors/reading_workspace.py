"""A workspace that files are only read from (COPY --from)."""

from __future__ import annotations

from collections.abc import Callable

from ci_builder.errors import ExecutorError
from ci_builder.executors.interface import Process
from ci_builder.rootfs.changes import NO_CHANGES, Changes
from ci_builder.rootfs.tree import Tree


class ReadingWorkspace:
    """See Workspace. ``discard`` undoes what was made for it."""

    def __init__(self, tree: Tree, discard: Callable[[], None]) -> None:
        self._tree = tree
        self._discard = [discard]

    @property
    def tree(self) -> Tree:
        """See Workspace."""
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """Never: raises ExecutorError."""
        raise ExecutorError("nothing can be run in a root file system that was opened for reading")

    def changes(self) -> Changes:
        """Nothing can change."""
        return NO_CHANGES

    def close(self) -> None:
        """See Workspace."""
        while self._discard:
            self._discard.pop()()
