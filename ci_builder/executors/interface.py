"""The two interfaces of the executors' floor: Executor and Workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ci_builder.oci.image import Image
from ci_builder.request import ResourceLimit
from ci_builder.rootfs.changes import Changes
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """Something that is seen at ``place`` (absolute, inside the root) for one command only.

    ``host`` is the folder, file or socket of these surroundings that is seen there; it is the caller's, and
    keeps what a command writes to it. ``read_only``: the command cannot change it, where that can be had.
    ``size``: in bytes; there is no more room in the empty folder ``host`` (0: as much as the machine has). A
    command that needs more finds the disk full or, where nothing can be mounted, is killed (rooms.py).
    """

    place: str
    host: str
    read_only: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class Process:
    """A command to run in a root file system.

    ``argv`` is executed as it is (PATH of ``env`` is searched inside the root), ``env`` is the whole
    environment, ``cwd`` an absolute path inside the root. ``uid``/``gid``/``groups`` are numbers,
    looked up in the root's passwd and group files by the caller. ``network`` is default, none or host.
    ``stdin`` is what the command reads from its standard input (nothing: /dev/null). ``files`` are scripts
    that are there for this command only: (absolute path below /dev/pipes/, content, mode). ``limits`` hold
    for each process of it; after ``seconds`` (0: never) all of them are killed.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    network: str = "default"
    stdin: bytes = b""
    files: tuple[tuple[str, bytes, int], ...] = ()
    mounts: tuple[Mount, ...] = ()
    limits: tuple[ResourceLimit, ...] = ()
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an executor works here. ``reason`` says why (not) in one line; ``remedy`` the one change
    of the surroundings that would make it work, or empty; ``lacks`` what of docker's image it cannot make
    here though it works, or empty."""

    ok: bool
    reason: str
    remedy: str = ""
    lacks: str = ""


class Workspace(Protocol):
    """The root file system of one stage while it is being built."""

    @property
    def tree(self) -> Tree:
        """The files, for COPY and WORKDIR to write to and COPY --from to read from."""

    def run(self, process: Process, output: Callable[[bytes], None]) -> int:
        """Run to its end, every descendant included; standard output and error go to ``output`` as
        they come. Returns the exit code (128 + signal when killed). Raises OutOfTime, ExecutorError."""

    def changes(self) -> Changes:
        """What changed since the workspace was made or since the last call, in the order of a layer."""

    def close(self) -> None:
        """Unmount and remove everything. Idempotent."""


class Executor(Protocol):
    """One way to make workspaces."""

    @property
    def name(self) -> str:
        """As in ``--isolation``."""

    def probe(self) -> Verdict:
        """Find out by trying, in a forked child: leaves nothing behind and changes nothing here."""

    def enter(self) -> None:
        """Bring this process to where workspaces can be made (for example into a user namespace).
        Called once, before any thread is started."""

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        """The root file system of ``image``. ``writable=False`` is for reading files out of it
        (COPY --from): run() and changes() are not called on such a workspace."""
