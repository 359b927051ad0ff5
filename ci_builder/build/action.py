"""What an instruction wants done to the root file system: values, made by evaluate, carried out by stage.

An instruction that only changes the config (ENV, CMD, LABEL …) has no action.
"""

from __future__ import annotations

from ci_builder.dockerfile.instructions.run_mount import RunMount
from ci_builder.request import ResourceLimit
from ci_builder.span import Span
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class RunCommand:
    """RUN. ``argv`` and ``env`` are complete (shell prepended, build args included) but for the job's
    ``proxies``, variables that take the place of those in ``env``; ``user`` is still the Dockerfile's text
    (``name``, ``uid``, ``name:group`` …, empty for root); ``stdin``: empty;
    ``files``: heredoc scripts to be placed for the command: (path inside the root, content, mode);
    ``mounts``: with absolute targets, empty only for a secret that is just a variable; ``limits`` of
    resources; ``seconds`` that it may take, 0 for any time."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    user: str
    network: str = "default"
    files: tuple[tuple[str, bytes, int], ...] = ()
    mounts: tuple[RunMount, ...] = ()
    limits: tuple[ResourceLimit, ...] = ()
    seconds: float = 0
    proxies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A heredoc given as a source of COPY or ADD: its name and content after expansion."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CopyFiles:
    """COPY, or the local part of ADD.

    ``origin``: empty for the build context; else what ``--from`` says after expansion. ``sources`` are
    patterns relative to the origin's root (Go's filepath.Match); ``destination`` is absolute, with a
    trailing slash kept where the Dockerfile has one (``.`` and ``./`` count as having one).
    ``owner`` is --chown's text or empty (0:0), ``mode`` --chmod's text or empty.
    ``unpack``: local archives are unpacked (ADD). ``excludes``: the patterns of --exclude. ``parents``:
    empty, or for each source what of its content is copied with the directories above (--parents).
    """

    origin: str
    sources: tuple[str, ...]
    inline: tuple[InlineFile, ...]
    destination: str
    owner: str = ""
    mode: str = ""
    unpack: bool = False
    excludes: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()

    def unpacking(self, unpack: bool) -> CopyFiles:
        """The same, with archives unpacked or not."""
        return replace(self, unpack=unpack)

    def with_parents(self, parents: tuple[str, ...]) -> CopyFiles:
        """The same for --parents."""
        return replace(self, parents=parents)


@dataclass(frozen=True, slots=True)
class Fetch:
    """ADD of one http(s) URL; ``checksum`` is --checksum or empty, ``unpack`` whether an archive is
    unpacked."""

    url: str
    destination: str
    owner: str = ""
    mode: str = ""
    checksum: str = ""
    unpack: bool = False
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository as ADD names it; ``checksum`` is the commit that it must be at, or empty,
    ``keep_git`` whether ``.git`` is wanted, too."""

    url: str
    checksum: str = ""
    keep_git: bool = False


@dataclass(frozen=True, slots=True)
class Clone:
    """ADD of a git repository: its files go into ``destination``."""

    repository: Repository
    destination: str
    owner: str = ""
    mode: str = ""
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """WORKDIR: ``path`` (absolute, cleaned) exists afterwards; created ones are 0755 and owned by
    ``user`` (the Dockerfile's text of USER)."""

    path: str
    user: str


Action = RunCommand | CopyFiles | Fetch | Clone | MakeDirectory


@dataclass(frozen=True, slots=True)
class Step:
    """An evaluated instruction: where it stands, its text for people, its history line, and what is
    to be done, one layer for all the ``actions`` together; none of them: an empty layer."""

    span: Span
    title: str
    created_by: str
    actions: tuple[Action, ...] = ()
    linked: bool = False

    @property
    def runs(self) -> bool:
        """Whether a command has to be run for it."""
        return any(isinstance(action, RunCommand) for action in self.actions)

    @property
    def origins(self) -> tuple[str, ...]:
        """The texts of what it takes files from, besides the build context."""
        found: list[str] = []
        for action in self.actions:
            if isinstance(action, CopyFiles):
                found.append(action.origin)
            elif isinstance(action, RunCommand):
                found += (mount.origin for mount in action.mounts)
        return tuple(filter(None, found))
