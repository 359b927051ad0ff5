"""The in-place executor: a disposable container's own ``/`` becomes the root file system of the stage.

For containers in which the kernel allows nothing but what a plain process may do. One stage at a time:
everything that is not held back is removed, the base image is unpacked over ``/``, and commands run
right there. The builder itself lives on in its private folder.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.disposable import KEPT_FOLDERS, objection, see, survives
from ci_builder.executors.interface import Process, Verdict, Workspace
from ci_builder.executors.launch import Launch
from ci_builder.executors.launcher import Launcher
from ci_builder.executors.linux import landlock
from ci_builder.executors.linux.mount_table import read_mounts
from ci_builder.executors.mount_points import Untouched
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.plain_root import launcher_of_the_same_root, try_files
from ci_builder.executors.reading_workspace import ReadingWorkspace
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.rooms import rooms
from ci_builder.executors.running_commands import RunningCommands
from ci_builder.executors.stubs import stubs
from ci_builder.executors.swapped import swapped
from ci_builder.executors.taken_away import taken_away
from ci_builder.executors.trial import refusal
from ci_builder.executors.watch import Watch
from ci_builder.oci.image import Image
from ci_builder.progress import Notice, Progress
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.changes import Changes
from ci_builder.rootfs.inventory import Inventory
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.remove import remove
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.values import replace

_REMEDY = "run the build in the builder image, as root"


class InPlaceExecutor:
    """See Executor. ``state`` is a private folder that is empty; ``kept`` are further folders that must
    not be touched (outputs); ``secrets`` are files that stay, and that no command may read; ``contexts``
    are folders that stay, and that no command may change; ``disposable``: the user said that ``/`` may be
    replaced."""

    name = "in-place"

    def __init__(
        self,
        state: Path,
        progress: Progress,
        *,
        kept: Sequence[Path] = (),
        secrets: Sequence[Path] = (),
        contexts: Sequence[Path] = (),
        disposable: bool = False,
    ) -> None:
        self._state = state
        self._progress = progress
        self._secrets = tuple(secrets)
        self._contexts = tuple(contexts)
        self._kept = (state, *kept, *secrets, *contexts)
        self._disposable = disposable
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()
        self._current: _InPlaceWorkspace | None = None
        self._launcher: Launcher | None = None

    def probe(self) -> Verdict:
        """See Executor."""
        mounts = read_mounts()
        evidence = see(mounts)
        objected = objection(evidence, self._disposable)
        if objected:
            return Verdict(False, objected, _REMEDY)
        if not survives(evidence.interpreter, self._untouchable()):
            reason = f"the interpreter {evidence.interpreter} would be removed together with /"
            return Verdict(False, reason, _REMEDY)
        trouble = refusal(self._try)
        if trouble:
            return Verdict(False, trouble, _REMEDY)
        return Verdict(True, "/ is a disposable container's")

    def enter(self) -> None:
        """See Executor. Raises ExecutorError."""
        self._launcher = launcher_of_the_same_root()
        if landlock.version() < 2:
            text = "this kernel has no landlock: a RUN as root can read the environment of other processes"
            self._progress(Notice("warning", f"{text} of this container"))

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """See Executor. Opening a writable one closes the one before. Raises ExecutorError, ImageError."""
        if not writable:
            return self._reading(image)
        if self._launcher is None:
            raise ExecutorError("the executor was not entered")
        if self._current is not None:
            self._current.close()
        tree = Tree("/", KernelOwnership(), self._untouchable(), self._launcher.hire)
        _clear(tree)
        apply_layers(image.layers, tree, self._progress)
        without_secrets = partial(taken_away, self._secrets, self._progress)
        runs = (self._launcher, self._state / "aside")
        watch = Watch(self._contexts, self._secrets)
        self._current = _InPlaceWorkspace(tree, runs, without_secrets, watch)
        return self._current

    def _reading(self, image: Image) -> Workspace:
        with self._counting:
            folder = self._state / f"r{next(self._numbers)}"
        make_open_folder(folder)
        tree = Tree(str(folder), KernelOwnership())
        apply_layers(image.layers, tree, self._progress)
        return ReadingWorkspace(tree, lambda: remove_folder(str(folder)))

    def _untouchable(self) -> frozenset[bytes]:
        """Mount points, the builder's own folder, and what the caller wants kept."""
        mounted = {point.path for point in read_mounts()} - {b"/"}
        kept = {os.fsencode(os.path.realpath(item)) for item in self._kept}
        return frozenset(
            mounted | kept | {*map(os.fsencode, KEPT_FOLDERS), *(b"/" + name for name in KERNEL_FOLDERS)}
        )

    def _try(self) -> None:
        """What unpacking and running need of root: ids, devices; in the state folder."""
        try_files(self._state)
        os.setgroups([12345])
        os.setresgid(12345, 12345, 12345)
        os.setresuid(12345, 12345, 0)
        os.setresuid(0, 0, 0)


class _InPlaceWorkspace:
    def __init__(
        self,
        tree: Tree,
        runs: tuple[Launcher, Path],
        without_secrets: Callable[[], AbstractContextManager[None]],
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._tree = tree
        self._without_secrets = without_secrets
        self._launcher, self._own = runs
        self._inventory = Inventory.take(tree)
        self._running = RunningCommands()
        self._untouched: dict[bytes, Untouched] = {}
        self._closed = False

    @property
    def tree(self) -> Tree:
        return self._tree

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        if self._closed:
            raise ExecutorError("another stage has taken the place of this one")
        with (
            self._without_secrets(),
            stubs(self._tree, process.mounts) as (mounts, beneath),
            rooms(mounts) as check,
            swapped(self._tree, mounts, beneath, self._own),
        ):
            for directory in beneath:
                self._untouched.setdefault(directory.path, directory)
            process = replace(process, mounts=())
            running = self._launcher.start(Launch(process, None), process.stdin)
            try:
                code = self._running.end_of(running, output, check).code
            finally:
                self._watch.check()
        return code

    def changes(self) -> Changes:
        found, self._inventory = self._inventory.changes(self._tree)
        traces = {path for path, before in self._untouched.items() if before.is_unchanged(self._tree)}
        self._untouched.clear()
        return found.without(traces)

    def close(self) -> None:
        self._running.stop()
        self._closed = True


def _clear(tree: Tree) -> None:
    """Remove everything but what is held back."""
    with Directories(tree) as directories:
        for name in os.listdir("/"):
            place = directories.place(os.fsencode(name))
            remove(tree, place)
            directories.forget()
