"""Running commands in a chroot: what they need of /dev and of the host's files is there for their time."""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Callable, Iterator
from pathlib import Path

from ci_builder.executors.hidden import hidden
from ci_builder.executors.interface import Process
from ci_builder.executors.launch import Launch
from ci_builder.executors.launcher import Ended, Launcher
from ci_builder.executors.mount_points import Untouched, mount_points
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.rooms import rooms
from ci_builder.executors.running_commands import RunningCommands
from ci_builder.executors.stubs import stubs
from ci_builder.executors.swapped import swapped
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.values import dataclass, field, replace

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
    _running: RunningCommands = field(default_factory=RunningCommands)

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """Run it to its end; how it ended, and what it only seems to have changed. Raises ExecutorError."""
        with contextlib.ExitStack() as stack:
            places, untouched = stack.enter_context(mount_points(tree))
            stack.enter_context(self._kernels(tree, untouched))
            for name, place in places.items():
                stack.enter_context(_content(tree, os.fsencode(place[1:]), Path(name), untouched))
            mounts, beneath = stack.enter_context(stubs(tree, process.mounts))
            untouched += beneath
            check = stack.enter_context(rooms(mounts))
            stack.enter_context(swapped(tree, mounts, untouched, self.own))
            launch = Launch(replace(process, mounts=()), None, folder=tree.root)
            running = self.launcher.start(launch, process.stdin)
            return self._running.end_of(running, output, check), untouched

    @contextlib.contextmanager
    def _kernels(self, tree: Tree, untouched: list[Untouched]) -> Iterator[None]:
        """/dev with the usual devices, /proc and /sys with nothing: what a command writes there is lost, as
        with docker, which mounts them."""
        aside = self.own.with_suffix(".kernels")
        aside.mkdir(mode=0o700)
        try:
            folders = [f"/{os.fsdecode(name)}" for name in sorted(KERNEL_FOLDERS)]
            with hidden(tree, folders, aside, untouched, empty=True):
                _make_devices(tree.root)
                yield
        finally:
            remove_folder(str(aside))

    def stop(self) -> None:
        """Kill what runs, and wait for its end. From any thread."""
        self._running.stop()


def _make_devices(root: str) -> None:
    """The usual devices in an empty /dev."""
    for name, major, minor in _DEVICES:
        path = f"{root}/dev/{name}"
        os.mknod(path, stat_module.S_IFCHR, os.makedev(major, minor))
        os.chmod(path, 0o666)


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
