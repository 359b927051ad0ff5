"""The mounts of one command: what they show is put into folders of this build, and cleared away after it."""

from __future__ import annotations

import contextlib
import itertools
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ci_builder.build.copy.place import place
from ci_builder.build.copy.source import CopySource, Found, find
from ci_builder.build.copy.transfer import Placement
from ci_builder.build.mounts.agents import Agents, forwarded
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.secrets import SecretValues
from ci_builder.dockerfile.instructions.run_mount import RunMount
from ci_builder.executors.interface import Mount
from ci_builder.executors.open_folder import make_open_folder
from ci_builder.executors.removal import remove_folder
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass, field

Source = Callable[[str], contextlib.AbstractContextManager[CopySource]]

_HERE = b"."
_WILD = "*?[\\"


@dataclass(frozen=True, slots=True)
class MountSources:
    """Where mounts come from. ``folder`` is this build's own; what is made there goes when its command
    has ended."""

    folder: Path
    caches: Caches
    secrets: SecretValues = field(default_factory=SecretValues)
    agents: Agents = field(default_factory=Agents)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def next_folder(self) -> Path:
        """A new folder's path."""
        return self.folder / f"m{next(self._numbers)}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a command gets: its mounts, and variables that they bring."""

    mounts: tuple[Mount, ...]
    variables: tuple[tuple[str, str], ...]


@contextlib.contextmanager
def prepared(
    mounts: Sequence[RunMount], tree: Tree, sources: MountSources, source: Source
) -> Iterator[Prepared]:
    """Make ``mounts`` ready for a command in ``tree``; ``source`` opens what ``from`` names. Raises
    CiBuilderError for what is not there, OSError."""
    found: dict[int, list[Mount]] = {}
    variables: list[tuple[str, str]] = []
    for mount in mounts:
        if mount.kind == "cache" and mount.seeded:
            with source(mount.origin):
                pass  # another stage is built before anybody waits for a cache, which that may need, too
    with contextlib.ExitStack() as stack:
        for number in _in_turn(mounts):
            own = _Own(mounts[number], tree, sources, stack)
            found[number] = _mounts(own, source, variables)
        in_order = (mount for number in range(len(mounts)) for mount in found[number])
        yield Prepared(tuple(in_order), tuple(variables))


def _in_turn(mounts: Sequence[RunMount]) -> list[int]:
    """The numbers of ``mounts`` in an order in which no two commands wait for each other: caches, which
    others may hold, come when everything else is there, and those of all commands in one order."""
    others = [number for number, mount in enumerate(mounts) if mount.kind != "cache"]
    caches = [number for number, mount in enumerate(mounts) if mount.kind == "cache"]
    return others + sorted(caches, key=lambda number: (mounts[number].id, number))


def _mounts(own: _Own, source: Source, variables: list[tuple[str, str]]) -> list[Mount]:
    found: list[Mount] = []
    kind = own.mount.kind
    if kind == "bind":
        found.append(_bind(own, source))
    elif kind == "cache":
        found.append(_cache(own, source))
    elif kind == "tmpfs":
        found.append(_tmpfs(own))
    elif kind == "secret":
        _secret(own, found, variables)
    else:
        _agent(own, found, variables)
    return found


@dataclass(frozen=True, slots=True)
class _Own:
    """One mount, and what it is made with."""

    mount: RunMount
    tree: Tree
    sources: MountSources
    stack: contextlib.ExitStack

    def folder(self) -> Tree:
        """A new folder, with the ownership of the command's files, that goes at the end."""
        path = self.sources.next_folder()
        make_open_folder(path)
        self.stack.callback(_discard, str(path), self.tree)
        return Tree(os.path.realpath(path), self.tree.ownership)

    def own(self, tree: Tree, name: bytes, mode: int) -> None:
        """Give the file ``name`` in ``tree`` to whom the mount says."""
        parent = os.open(tree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            tree.ownership.chown(parent, name, self.mount.uid, self.mount.gid, mode)
        finally:
            os.close(parent)


def _discard(folder: str, tree: Tree) -> None:
    ownership = tree.ownership
    if isinstance(ownership, RecordedOwnership):
        for above, folders, names in os.walk(folder):
            for name in (*folders, *names):
                ownership.forget(os.lstat(os.path.join(above, name)))
        ownership.forget(os.lstat(folder))
    remove_folder(folder)


def _bind(own: _Own, source: Source) -> Mount:
    tree, mount = own.folder(), own.mount
    host = _fill(tree, mount, source)
    return Mount(mount.target, host, mount.read_only)


def _fill(tree: Tree, mount: RunMount, source: Source) -> str:
    """Copy what ``source`` of the mount names; the folder or file that it is now."""
    with source(mount.origin) as origin:
        (found,) = find(origin, bind_pattern(mount))
        if os.path.isdir(origin.path(found.path)):
            place(found, origin, Placement(tree, None, None), b"/")
            _like(tree, origin, found)
            return tree.root
        name = posixpath.basename(found.path)
        place(found, origin, Placement(tree, None, None), b"/" + name)
    return os.path.join(tree.root, os.fsdecode(name))


def bind_pattern(mount: RunMount) -> str:
    """The source of a mount as ``find`` takes it: a path, never a pattern."""
    return "".join(f"\\{letter}" if letter in _WILD else letter for letter in mount.source) or "/"


def _like(tree: Tree, origin: CopySource, found: Found) -> None:
    """The folder itself has owner and permissions of what it shows."""
    shown = origin.tree.ownership.status(found.status)
    parent = os.open(tree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        uid, gid = (shown.uid, shown.gid) if origin.keeps_owners else (0, 0)
        tree.ownership.chown(parent, _HERE, uid, gid, origin.mode(found.path, shown.mode))
    finally:
        os.close(parent)


def _cache(own: _Own, source: Source) -> Mount:
    mount = own.mount

    def fill(tree: Tree) -> None:
        if mount.seeded:
            _fill(tree, mount, source)

    folder = own.stack.enter_context(own.sources.caches.open(mount, own.tree, fill))
    return Mount(mount.target, str(folder), mount.read_only)


def _tmpfs(own: _Own) -> Mount:
    tree = own.folder()
    own.own(tree, _HERE, 0o41777)
    return Mount(own.mount.target, tree.root, size=own.mount.size)


def _secret(own: _Own, found: list[Mount], variables: list[tuple[str, str]]) -> None:
    mount, secrets = own.mount, own.sources.secrets
    value = secrets.need(mount.id) if mount.required else secrets.get(mount.id)
    if mount.env:
        # Set, but empty, where there is none (BuildKit, ExecOp.loadSecretEnv).
        variables.append((mount.env, (value or b"").decode("utf-8", "surrogateescape")))
    if mount.target and value is not None:
        tree = own.folder()
        os.chmod(tree.root, 0o700)
        descriptor = os.open(os.path.join(tree.root, "secret"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(value)
        own.own(tree, b"secret", 0o100000 | mount.mode)
        found.append(Mount(mount.target, os.path.join(tree.root, "secret"), read_only=True))


def _agent(own: _Own, found: list[Mount], variables: list[tuple[str, str]]) -> None:
    mount = own.mount
    agent = own.sources.agents.get(mount.id, required=mount.required)
    if not any(name == "SSH_AUTH_SOCK" for name, _ in variables):
        # Without an agent too, as with BuildKit.
        variables.append(("SSH_AUTH_SOCK", mount.target))
    if agent is None:
        return
    tree = own.folder()
    path = Path(tree.root) / "agent"
    own.stack.enter_context(forwarded(agent, path))
    own.own(tree, b"agent", 0o140000 | mount.mode)
    found.append(Mount(mount.target, str(path)))
