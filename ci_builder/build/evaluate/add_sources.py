"""Which of ADD's sources are repositories and downloads, and what its flags mean for them."""

from __future__ import annotations

from urllib.parse import urlsplit

from ci_builder.build.action import Repository
from ci_builder.context.git import check_commit, is_git, parse_remote
from ci_builder.dockerfile.instructions.add import Add
from ci_builder.errors import ContextError, InvalidValue, Unsupported
from ci_builder.oci.digest import Digest
from ci_builder.untrusted import without_passwords
from ci_builder.values import dataclass

_URLS = ("http://", "https://")
# What only a build context may be: docker takes the first for a path here, the other would read files
# of the machine that the Dockerfile has no business with.
_NEVER_GIT = ("github.com/", "file://", "./", "../")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the flags say. ``all_git``: --keep-git-dir is given, so that every URL is a repository."""

    all_git: bool
    keep_git: bool
    checksum: str
    unpack_files: bool
    unpack_downloads: bool

    def is_git(self, source: str) -> bool:
        """Whether ``source`` is a repository."""
        return is_repository(source) or (self.all_git and source.startswith(_URLS))

    def repository(self, source: str) -> Repository:
        """``source`` as what is to be cloned."""
        return Repository(source, self.checksum, self.keep_git)


def is_repository(source: str) -> bool:
    """Whether ADD takes ``source`` for a git repository by itself."""
    return not source.startswith(_NEVER_GIT) and is_git(source)


def is_remote(source: str) -> bool:
    """Whether ``source`` is no path of the build context."""
    return source.startswith(_URLS) or is_repository(source)


def choose(add: Add, sources: tuple[str, ...], checksum: str) -> Choices:
    """What the flags of ``add`` mean for its (expanded) ``sources``. Raises DockerfileError where one of
    them would mean nothing."""
    for source in sources:
        _check_address(add, source)
    choices = Choices(
        all_git=add.keep_git is not None,
        keep_git=bool(add.keep_git),
        checksum=checksum,
        unpack_files=add.unpack is not False,
        unpack_downloads=bool(add.unpack),
    )
    repositories = [source for source in sources if choices.is_git(source)]
    if add.keep_git is not None and not repositories:
        raise add.line.error("--keep-git-dir is for git repositories, and no source is one")
    if add.unpack is not None and len(repositories) == len(sources):
        raise add.line.error("--unpack is for archives, and no source can be one")
    for source in repositories:
        _check_repository(add, choices, source)
    if checksum:
        _check_checksum(add, sources, checksum, choices)
    return choices


def _check_address(add: Add, source: str) -> None:
    try:
        _ = urlsplit(source).port if "://" in source else None
    except ValueError as error:
        raise add.line.error(f"{without_passwords(source)} is no URL: {error}") from error


def _check_repository(add: Add, choices: Choices, source: str) -> None:
    try:
        remote = parse_remote(source, {})
    except (ContextError, Unsupported) as error:
        raise add.line.error(error.message, hint=error.hint) from error
    if add.keep_git is not None and remote.keep_git not in (None, add.keep_git):
        raise add.line.error(
            f"--keep-git-dir={str(choices.keep_git).lower()} contradicts {without_passwords(source)}"
        )
    if choices.checksum and remote.checksum not in ("", choices.checksum):
        raise add.line.error(f"--checksum={choices.checksum} contradicts {without_passwords(source)}")


def _check_checksum(add: Add, sources: tuple[str, ...], checksum: str, choices: Choices) -> None:
    if len(sources) != 1 or add.sources.heredocs:
        raise add.line.error("checksum can't be specified for multiple sources")
    try:
        if choices.is_git(sources[0]):
            check_commit(checksum)
        elif sources[0].startswith(_URLS):
            Digest.parse(checksum)
        else:
            raise add.line.error("checksum requires a source of HTTP(S) or a git repository")
    except InvalidValue as error:
        raise add.line.error(f"--checksum: {error}") from error
