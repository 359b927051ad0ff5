"""A workspace in a namespace that has root's ids only: other owners are recorded beside the files."""

from __future__ import annotations

import os
import stat as stat_module
from collections.abc import Callable, Iterator

from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.interface import Process
from ci_builder.executors.private_runs import Runs
from ci_builder.executors.single_id import SingleIdOwnership
from ci_builder.progress import Notice, Progress
from ci_builder.rootfs.file_keys import FileKeys
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.walk import Names, sorted_names, walk


class SingleIdWorkspace(FolderWorkspace):
    """See Workspace; the tree's ownership is ``ownership``."""

    def __init__(self, tree: Tree, runs: Runs, ownership: SingleIdOwnership, progress: Progress) -> None:
        super().__init__(tree, runs)
        self._ownership = ownership
        self._progress = progress

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """See Workspace. Raises ExecutorError."""
        is_root = process.uid == process.gid == 0
        before = FileKeys()
        if not is_root:
            for key in _files(self.tree.root):
                before.add(key)
        ended = self.execute(process, output)
        for remark in ended.remarks:
            text = f"{remark}: only pretended, because these surroundings have a single user id"
            self._progress(Notice("warning", f"{text}; files that it made belong to root"))
        if not is_root:
            gone = self._ownership.gone
            made = (key for key in _files(self.tree.root) if key not in before or key in gone)
            self._ownership.made(made, process.uid, process.gid)
        return ended.code


def _files(root: str) -> Iterator[tuple[int, int]]:
    """Device and inode of every file."""

    def look(descriptor: int, path: bytes, below: Names) -> Iterator[tuple[int, int]]:
        for name in sorted_names(descriptor):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            yield found.st_dev, found.st_ino
            if stat_module.S_ISDIR(found.st_mode):
                below.add(name)

    return walk(root, look)
