"""Running commands under a supervisor: what they see besides the image's files."""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.hidden import hidden
from ci_builder.executors.interface import Mount, Process
from ci_builder.executors.launch import Launch, SeenAt, Supervised
from ci_builder.executors.launcher import Ended, Launcher
from ci_builder.executors.mount_points import Untouched, mount_points
from ci_builder.executors.removal import remove_folder
from ci_builder.executors.rooms import rooms
from ci_builder.executors.running_commands import RunningCommands
from ci_builder.executors.stubs import stubs
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.record import Record
from ci_builder.rootfs.tree import KERNEL_FOLDERS, Tree
from ci_builder.values import dataclass, field, replace

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_TERMINALS = "ptmx"  # a link to pts/ptmx, or a device of its own
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)


@dataclass(slots=True)
class PtraceRuns:
    """The commands of one workspace; one at a time. ``own`` is a folder that is there while one runs,
    ``host_files`` the folder of the files that are seen as /etc/hosts and /etc/resolv.conf."""

    launcher: Launcher
    own: Path
    host_files: Path
    ownership: RecordedOwnership
    _running: RunningCommands = field(default_factory=RunningCommands)

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """Run it to its end; how it ended, and what it only seems to have changed. Raises ExecutorError."""
        with (
            mount_points(tree) as (places, untouched),
            stubs(tree, process.mounts) as (found, beneath),
            self._own_folder() as own,
            rooms(found) as check,
            hidden(tree, _folders(found), own / "h", untouched),
        ):
            untouched.extend(beneath)
            # Under a mount of the command's own there is no place for them.
            covered = tuple(f"{mount.place}/" for mount in found)
            files = [
                self._host_file(own, Path(name).name, place)
                for name, place in places.items()
                if not place.startswith(covered)
            ]
            mounts = [*self._kernels(own / "dev"), *files]
            for mount in found:
                mounts.append(self._mount(mount, own))
            supervised = Supervised(tree.root, tuple(mounts), str(own))
            launch = Launch(replace(process, mounts=()), None, supervised=supervised)
            running = self.launcher.start(launch, process.stdin, self.ownership.records)
            ended = self._running.end_of(running, output, check)
        return ended, untouched

    def stop(self) -> None:
        """Kill what runs, and wait for its end. From any thread."""
        self._running.stop()

    @contextlib.contextmanager
    def _own_folder(self) -> Iterator[Path]:
        own = self.own
        try:
            for path in (own, own / "x", own / "s", own / "h", own / "dev"):
                path.mkdir(mode=0o700)
            yield own
        finally:
            self._forget(own)
            remove_folder(str(own))

    def _kernels(self, dev: Path) -> Iterator[SeenAt]:
        """/proc, /sys and /dev. The last is a folder of the command's own, with the usual devices."""
        yield SeenAt("/proc", "/proc", False)
        yield SeenAt("/sys", "/sys", False)
        yield SeenAt("/dev", str(dev), True)
        for name, target in _LINKS:
            if name != _TERMINALS or os.path.islink("/dev/ptmx"):
                (dev / name).symlink_to(target)
                self._record(dev / name, None)
        shared = dev / "shm"
        shared.mkdir()
        shared.chmod(0o777)
        self._record(shared, stat_module.S_IFDIR | 0o1777)
        dev.chmod(0o755)
        (dev / "pts").mkdir()
        self._record(dev, None)
        self._record(dev / "pts", None)
        yield SeenAt("/dev/pts", "/dev/pts", False)
        own_device = () if os.path.islink("/dev/ptmx") else (_TERMINALS,)
        for name in (*_DEVICES, *own_device):
            (dev / name).touch()
            self._record(dev / name, None)
            yield SeenAt(f"/dev/{name}", f"/dev/{name}", False)

    def _mount(self, mount: Mount, own: Path) -> SeenAt:
        """One of the command's own, which takes the place of what is there."""
        if mount.place.startswith("/dev/"):
            self._make_in_dev(own / "dev", mount)
        elif mount.place.startswith(("/proc", "/sys")) or mount.place == "/dev":
            raise ExecutorError(f"nothing can be mounted at {mount.place}")
        folder, name = os.path.split(mount.host)
        host = os.path.join(os.path.realpath(folder), name)
        if os.path.islink(host):
            raise ExecutorError(f"what is to be mounted at {mount.place} is a symbolic link")
        return SeenAt(mount.place, host, True, mount.read_only)

    def _make_in_dev(self, dev: Path, mount: Mount) -> None:
        place = dev / mount.place.removeprefix("/dev/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            return
        if os.path.isdir(mount.host):
            place.mkdir()
        else:
            place.touch()

    def _host_file(self, own: Path, name: str, place: str) -> SeenAt:
        """A copy for this command alone, which may write to it: that is lost, as with docker."""
        copy = own / name
        copy.write_bytes((self.host_files / name).read_bytes())
        copy.chmod(0o644)
        self._record(copy, None)
        return SeenAt(place, str(copy), True)

    def _record(self, path: Path, mode: int | None) -> None:
        """Nothing of an earlier file with the same inode number holds for ``path``."""
        found = path.lstat()
        self.ownership.records.keep((found.st_dev, found.st_ino), Record(mode=mode))

    def _forget(self, own: Path) -> None:
        for above, folders, names in os.walk(own):
            for name in (*folders, *names):
                found = os.lstat(os.path.join(above, name))
                self.ownership.records.drop((found.st_dev, found.st_ino))


def _folders(mounts: Sequence[Mount]) -> list[str]:
    """The places in the image, and not in another mount, that folders are mounted on."""
    found = [f"/{os.fsdecode(name)}" for name in KERNEL_FOLDERS]
    for mount in mounts:
        inside = any(mount.place.startswith(f"{place}/") for place in found)
        if not inside and os.path.isdir(mount.host):
            found.append(mount.place)
    return found
