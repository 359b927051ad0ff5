"""Carrying out one action of a step on a stage's root file system."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from ci_builder.build.accounts import Account, resolve_maker, resolve_owner, resolve_user
from ci_builder.build.action import Action, Clone, CopyFiles, Fetch, MakeDirectory, RunCommand
from ci_builder.build.copy.archive import unpack_archive
from ci_builder.build.copy.inline import inline_origin
from ci_builder.build.copy.permissions import parse_mode
from ci_builder.build.copy.place import make_directories, place, resolve_target
from ci_builder.build.copy.selection import Selection
from ci_builder.build.copy.source import CopySource, Found, check_below, find
from ci_builder.build.copy.transfer import Placement
from ci_builder.build.fetch import Fetcher
from ci_builder.build.mounts.prepare import MountSources, prepared
from ci_builder.errors import CiBuilderError, OutputError
from ci_builder.executors.interface import Process, Workspace
from ci_builder.rootfs.paths import read_file
from ci_builder.rootfs.root_folder import own_as_usual
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass

_ACCOUNTS_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class Performer:
    """What actions need: ``tree`` is where files go, that of the ``workspace`` but for --link, ``source``
    opens what COPY --from names (empty: the build context), ``fetcher`` downloads, ``output`` takes what
    commands print, ``mounts`` is where those of RUN come from."""

    workspace: Workspace
    tree: Tree
    source: Callable[[str], contextlib.AbstractContextManager[CopySource]]
    fetcher: Fetcher
    output: Callable[[bytes], None]
    mounts: MountSources


class CommandExit(CiBuilderError):
    """A RUN command ended with a code that is not zero."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the command ended with exit code {code}")
        self.code = code


def perform(action: Action, performer: Performer) -> None:
    """Do it. Raises CommandExit for a command that fails, CiBuilderError for everything else."""
    try:
        if isinstance(action, RunCommand):
            _run(action, performer)
        elif isinstance(action, CopyFiles):
            _copy(action, performer)
        elif isinstance(action, Fetch):
            _fetch(action, performer)
        elif isinstance(action, Clone):
            _clone(action, performer)
        else:
            _make_directory(action, performer)
    except OSError as error:
        raise explained(error) from error


def explained(error: OSError) -> CiBuilderError:
    """An error of the kernel while files were written or read."""
    where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, (str, bytes)) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "the build's files are in the temporary folder: set TMPDIR to a larger disk"
        return OutputError(f"{error.strerror}{where}", hint=hint)
    return CiBuilderError(f"{error.strerror or error}{where}")


def _run(action: RunCommand, performer: Performer) -> None:
    account = _account(performer.workspace.tree, action.user)
    env = dict(action.env) | dict(action.proxies)
    env["HOME"] = env.get("HOME") or account.home
    workspace = performer.workspace
    with prepared(action.mounts, workspace.tree, performer.mounts, performer.source) as found:
        process = Process(
            argv=action.argv,
            env=tuple((env | dict(found.variables)).items()),
            cwd=action.cwd,
            uid=account.uid,
            gid=account.gid,
            groups=account.groups,
            network=action.network,
            files=action.files,
            mounts=found.mounts,
            limits=action.limits,
            seconds=action.seconds,
        )
        own_as_usual(workspace.tree)
        code = workspace.run(process, performer.output)
    if code != 0:
        raise CommandExit(code)


@dataclass(frozen=True, slots=True)
class _Placing:
    """Puts what COPY and ADD found where it belongs."""

    performer: Performer
    placement: Placement
    destination: bytes

    @staticmethod
    def of(action: CopyFiles | Fetch | Clone, performer: Performer, mode: str) -> _Placing:
        destination = action.destination.encode("utf-8", "surrogateescape")
        return _Placing(performer, placement_for(performer.tree, action.owner, mode), destination)

    def put(self, found: Found, origin: CopySource, selection: Selection, *, unpack: bool = False) -> None:
        """Copy what is selected of it, or unpack it."""
        # The Dockerfile reference has --exclude win over the source's own pattern, too.
        named = found.by_wildcard or not stat.S_ISDIR(found.status.st_mode)
        if named and not selection.below and selection.leaves_out(found.name):
            return
        if unpack and unpack_archive(found, origin, self.placement, self.destination):
            if self.placement.mode is not None:
                name = os.fsdecode(found.name)
                text = f"{name} is unpacked: its files keep their permissions, --chmod does not change them\n"
                self.performer.output(text.encode("utf-8", "surrogateescape"))
            return
        if selection.below and not stat.S_ISDIR(found.status.st_mode):
            if found.by_wildcard:
                return  # nothing is below it
            raise CiBuilderError(
                f"--parents: /{os.fsdecode(found.path)} before the pivot /./ is no directory"
            )
        place(found, origin, self.placement, self.destination, selection)


def _copy(action: CopyFiles, performer: Performer) -> None:
    placing = _Placing.of(action, performer, action.mode)
    below = action.parents or ("",) * len(action.sources)
    if action.sources:
        with performer.source(action.origin) as origin:
            for pattern, wanted in zip(action.sources, below, strict=True):
                if wanted:
                    check_below(origin, pattern, wanted)
                selection = Selection.of(action.excludes, wanted)
                for found in find(origin, pattern, selection):
                    placing.put(found, origin, selection, unpack=action.unpack)
    for file in action.inline:
        with inline_origin(file, performer.fetcher.temporary) as (origin, found):
            placing.put(found, origin, Selection.of(action.excludes))


def _fetch(action: Fetch, performer: Performer) -> None:
    placing = _Placing.of(action, performer, action.mode or "0600")
    with performer.fetcher.fetch(action.url, action.checksum, action.destination) as (origin, found):
        placing.put(found, origin, Selection.of(action.excludes), unpack=action.unpack)


def _clone(action: Clone, performer: Performer) -> None:
    placing = _Placing.of(action, performer, action.mode)
    origin = performer.fetcher.cloned(action.repository)
    for found in find(origin, "."):
        placing.put(found, origin, Selection.of(action.excludes))


def _make_directory(action: MakeDirectory, performer: Performer) -> None:
    tree = performer.tree
    # A number alone is the group's, too, as with --chown (BuildKit, the mkdir of a file operation).
    owner = resolve_maker(action.user, *_accounts(tree)) if action.user else None
    path = resolve_target(tree, action.path.encode("utf-8", "surrogateescape"))
    make_directories(Placement(tree, owner, None), path)


def placement_for(tree: Tree, owner: str, mode: str) -> Placement:
    ids = resolve_owner(owner, *_accounts(tree)) if owner else None
    return Placement(tree, ids, parse_mode(mode) if mode else None)


def _account(tree: Tree, user: str) -> Account:
    return resolve_user(user, *_accounts(tree))


def _accounts(tree: Tree) -> tuple[bytes, bytes]:
    passwd = read_file(tree, b"etc/passwd", _ACCOUNTS_LIMIT)
    return passwd or b"", read_file(tree, b"etc/group", _ACCOUNTS_LIMIT) or b""
