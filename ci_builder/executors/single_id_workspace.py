"""A workspace in a namespace that has root's ids only: other owners are recorded beside the files."""

from __future__ import annotations

import os
import stat as stat_module
from collections.abc import Callable, Iterator

from ci_builder.executors.facts import Fact, SingleIdOwnership
from ci_builder.executors.folder_workspace import FolderWorkspace
from ci_builder.executors.interface import Process
from ci_builder.executors.private_runs import Runs
from ci_builder.progress import Notice, Progress
from ci_builder.rootfs.paths import open_directory
from ci_builder.rootfs.tree import Tree

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SingleIdWorkspace(FolderWorkspace):
    """See Workspace; the tree's ownership is ``ownership``."""

    def __init__(self, tree: Tree, runs: Runs, ownership: SingleIdOwnership, progress: Progress) -> None:
        super().__init__(tree, runs)
        self._ownership = ownership
        self._progress = progress

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """See Workspace. Raises ExecutorError."""
        root = process.uid == process.gid == 0
        before = set() if root else set(_files(self.tree.root))
        ended = self.execute(process, output)
        self._ownership.learn(ended.facts)
        for remark in ended.remarks:
            text = f"{remark}: only pretended, because these surroundings have a single user id"
            self._progress(Notice("warning", f"{text}; files that it made belong to root"))
        if not root:
            before -= {(fact.device, fact.inode) for fact in ended.facts if fact.kind == "gone"}
            made = (key for key in _files(self.tree.root) if key not in before)
            self._ownership.learn(Fact("owned", *key, process.uid, process.gid) for key in made)
        return ended.code


def _files(root: str) -> Iterator[tuple[int, int]]:
    """Device and inode of every file."""
    top = os.open(root, _LIST)
    pending = [b""]
    try:
        while pending:
            path = pending.pop()
            descriptor = open_directory(top, path, _LIST)
            try:
                for name in map(os.fsencode, os.listdir(descriptor)):
                    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    yield found.st_dev, found.st_ino
                    if stat_module.S_ISDIR(found.st_mode):
                        pending.append(path + b"/" + name if path else name)
            finally:
                os.close(descriptor)
    finally:
        os.close(top)
