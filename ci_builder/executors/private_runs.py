"""Running commands in private roots: what all workspaces of the namespace executor share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ci_builder.executors.host_files import HOSTNAME
from ci_builder.executors.interface import Process
from ci_builder.executors.launch import Launch, PrivateRoot
from ci_builder.executors.launcher import Ended, Launcher
from ci_builder.executors.mount_points import Untouched, mount_points
from ci_builder.executors.running_commands import RunningCommands
from ci_builder.executors.single_id import SingleIdOwnership
from ci_builder.executors.stubs import stubs
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What commands get of the builder's surroundings: copies of its host files in ``folder`` (see
    HostFiles); ``guard`` and ``single_id`` as in PrivateRoot."""

    launcher: Launcher
    folder: Path
    guard: bool
    single_id: bool = False

    def root(self, tree: Tree, process: Process, places: dict[str, str]) -> PrivateRoot:
        """The private root of one command."""
        files = tuple((str(self.folder / Path(name).name), place) for name, place in places.items())
        network = process.network != "none"
        return PrivateRoot(tree.root, files, self.guard, network, HOSTNAME, self.single_id)


@dataclass(slots=True)
class Runs:
    """The commands of one workspace."""

    surroundings: Surroundings
    _running: RunningCommands = field(default_factory=RunningCommands)

    def run(
        self, tree: Tree, process: Process, output: Callable[[bytes], None]
    ) -> tuple[Ended, list[Untouched]]:
        """Run it to its end; how it ended, and the directories that it only seems to have changed.
        Raises ExecutorError."""
        with (
            mount_points(tree) as (places, untouched),
            stubs(tree, process.mounts) as (mounts, beneath),
        ):
            untouched.extend(beneath)
            process = replace(process, mounts=mounts)
            root = self.surroundings.root(tree, process, places)
            ownership = tree.ownership
            known = ownership if isinstance(ownership, SingleIdOwnership) else None
            running = self.surroundings.launcher.start(Launch(process, root), process.stdin, known)
            ended = self._running.end_of(running, output)
        return ended, untouched

    def stop(self) -> None:
        """Kill what runs, and wait for its end. From any thread."""
        self._running.stop()
