"""Running commands in a chroot: what they need of /dev and of the host's files is there for their time."""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
import threading
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from ci_builder.executors.interface import Process
from ci_builder.executors.launch import Launch
from ci_builder.executors.launcher import Ended, Launcher, Running
from ci_builder.executors.mount_points import Untouched, mount_points
from ci_builder.executors.rooms import rooms
from ci_builder.executors.stubs import stubs
from ci_builder.executors.swapped import swapped
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass

_DEVICES = (
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
)


@dataclass(slots=True)
class ChrootRuns:
    """The commands of one workspace; one at a time. ``own`` is a folder that is there while one runs, on the
    workspace's file system."""

    launcher: Launcher
    own: Path
    _running: Running | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """Run it to its end; how it ended, and what it only seems to have changed. Raises ExecutorError."""
        with contextlib.ExitStack() as stack:
            places, untouched = stack.enter_context(mount_points(tree))
            stack.enter_context(_devices(tree, untouched))
            for name, place in places.items():
                stack.enter_context(_content(tree, os.fsencode(place[1:]), Path(name), untouched))
            mounts, beneath = stack.enter_context(stubs(tree, process.mounts))
            untouched += beneath
            check = stack.enter_context(rooms(mounts))
            stack.enter_context(swapped(tree, mounts, untouched, self.own))
            wait = partial(Running.wait, output=output, check=check)
            return self._run(tree, replace(process, mounts=()), wait), untouched

    def stop(self) -> None:
        """Kill what runs, and wait for its end. From any thread."""
        with self._lock:
            running = self._running
        if running is not None:
            running.stop()

    def _run(self, tree: Tree, process: Process, wait: Callable[[Running], Ended]) -> Ended:
        running = self.launcher.start(Launch(process, None, folder=tree.root), process.stdin)
        with self._lock:
            self._running = running
        try:
            return wait(running)
        finally:
            with self._lock:
                self._running = None


@contextlib.contextmanager
def _devices(tree: Tree, untouched: list[Untouched]) -> Iterator[None]:
    """The usual devices in /dev where the image has none."""
    made: list[str] = []
    with Directories(tree) as directories:
        folder = directories.follow(b"dev")
        before = Untouched.of(folder.path, folder.parent, folder.name)
        untouched.append(before)
        dev = os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder.parent)
    try:
        for name, major, minor in _DEVICES:
            with contextlib.suppress(FileExistsError):
                os.mknod(name, stat_module.S_IFCHR, os.makedev(major, minor), dir_fd=dev)
                made.append(name)
                os.chmod(name, 0o666, dir_fd=dev)
        yield
    finally:
        for name in made:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=dev)
        os.utime(dev, ns=(before.mtime_ns, before.mtime_ns))
        os.close(dev)


@contextlib.contextmanager
def _content(tree: Tree, path: bytes, own: Path, untouched: list[Untouched]) -> Iterator[None]:
    """The builder's own file (``own``) as the content of ``path``, whose content comes back at the end:
    what a command writes there is lost, as with docker, which mounts it."""
    with Directories(tree) as directories:
        place = directories.place(path)
        before = Untouched.of(path, place.parent, place.name)
        descriptor = os.open(place.name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.parent)
    with open(descriptor, "r+b") as file:
        content = file.read()
        with contextlib.suppress(OSError):
            _replace(descriptor, own.read_bytes())
        try:
            yield
        finally:
            _replace(descriptor, content)
            os.utime(descriptor, ns=(before.mtime_ns, before.mtime_ns))
            untouched.append(before)


def _replace(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)
