"""Noticing what a command in place changes where its changes cannot become part of the image."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.disposable import KEPT_FOLDERS, PRIVATE_FOLDER
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree

# Where the builder itself writes during a build.
_ITS_OWN = frozenset({b"/docker", b"/home", b"/tmp"})


class Watch:
    """Looks after the builder's own folders and ``folders`` (build contexts) from command to command.

    ``secrets`` are files that are away while a command runs, and put back as they were: they say nothing, nor
    does it that the folders above them changed.
    """

    def __init__(self, folders: Sequence[Path], secrets: Sequence[Path] = ()) -> None:
        own = [Path(name) for name in KEPT_FOLDERS if os.path.isdir(name)]
        watched = dict.fromkeys([*own, *(Path(os.path.realpath(item)) for item in folders)])
        away = [os.path.realpath(path) for path in secrets]
        self._holding = {os.path.dirname(path) for path in away}
        self._trees = [_tree(folder, away) for folder in watched if _writable(folder)]
        self._inventories = [Inventory.take(tree) for tree in self._trees]

    def check(self) -> None:
        """Raise ExecutorError when a command changed something since the last call. What it left in the
        builder's own folders is removed: the next program of the job must not run it."""
        changed: list[str] = []
        for number, tree in enumerate(self._trees):
            found, self._inventories[number] = self._inventories[number].changes(tree)
            paths = [os.path.join(tree.root, os.fsdecode(item.path)) for item in found]
            paths = [path for path in paths if path not in self._holding or not os.path.isdir(path)]
            changed += [path for path in paths if not os.path.isdir(path)] or paths
            if tree.root in KEPT_FOLDERS:
                _remove(paths)
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise ExecutorError(
                f"the command changed what is not part of the image: {', '.join(changed[:3])}{more}",
                hint="the job's own files lie there: mount the context where the Dockerfile does not write",
            )


def _tree(folder: Path, away: Sequence[str]) -> Tree:
    root = str(folder)
    below = frozenset(os.fsencode(path.removeprefix(root)) for path in away if path.startswith(f"{root}/"))
    return Tree(root, KernelOwnership(), below | (_ITS_OWN if root == PRIVATE_FOLDER else frozenset()))


def _writable(folder: Path) -> bool:
    return not os.statvfs(folder).f_flag & os.ST_RDONLY


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if not os.path.isdir(path) or os.path.islink(path):
                os.unlink(path)
