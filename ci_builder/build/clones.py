"""The git repositories that ADD names, cloned before anything is built.

In place, the files of the image take those of the machine's git. Each is cloned once, however often it
is named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from ci_builder.build.action import Clone, Repository, Step
from ci_builder.build.git_secrets import with_secrets
from ci_builder.context.git import clone, parse_remote
from ci_builder.context.inside import inside
from ci_builder.errors import CiBuilderError, ContextError, DockerfileError
from ci_builder.progress import Notice, Progress
from ci_builder.request import SecretSpec
from ci_builder.span import Source
from ci_builder.untrusted import without_passwords
from ci_builder.values import dataclass, replace

_HINT = "give the build --secret id=GIT_AUTH_TOKEN.HOST,env=… with a token for that host"

_SSH_HINT = "give the build --ssh default, or write https:// and give it --secret id=GIT_AUTH_TOKEN.HOST"


@dataclass(frozen=True, slots=True)
class Cloning:
    """What cloning needs: a ``folder`` for the clones, the secrets of the Request, the socket of its
    SSH agent ``default`` (None: it has none), and who is told.

    The job's own credentials (GIT_TOKEN and the like, ssh keys) are for the build context: a Dockerfile
    could name anything to use them on, so they are not used here unless they are given for it.
    """

    folder: Path
    secrets: tuple[SecretSpec, ...]
    agent: Path | None
    progress: Progress


def clone_all(steps: Iterable[Step], source: Source, cloning: Cloning) -> Mapping[Repository, Path]:
    """Clone what ``steps`` need; the files of each repository. Raises DockerfileError."""
    clones: dict[Repository, Path] = {}
    for step in steps:
        for action in step.actions:
            if isinstance(action, Clone) and action.repository not in clones:
                target = cloning.folder / str(len(clones))
                target.mkdir(parents=True)
                try:
                    clones[action.repository] = _cloned(action.repository, target, cloning)
                except CiBuilderError as error:
                    hint = _HINT if "GIT_TOKEN" in error.hint else error.hint
                    raise DockerfileError(str(error), source=source, span=step.span, hint=hint) from error
    return clones


def _cloned(repository: Repository, target: Path, cloning: Cloning) -> Path:
    remote = with_secrets(parse_remote(repository.url, {}), cloning.secrets)
    if remote.is_ssh and cloning.agent is None:
        raise ContextError(f"{remote.url} is reached over ssh, and the build has no --ssh", hint=_SSH_HINT)
    checksum = repository.checksum or remote.checksum
    agent = str(cloning.agent or "")
    remote = replace(remote, checksum=checksum, ssh=bool(agent), agent=agent)
    cloning.progress(Notice("info", f"cloning {without_passwords(remote.url)}"))
    seconds = clone(remote, target, keep_git=repository.keep_git)
    files = inside(target, remote.folder)
    if not files.is_dir():
        raise ContextError(f"{remote.url} has no folder {remote.folder!r}")
    _settle(files, seconds)
    return files


def _settle(folder: Path, seconds: int) -> None:
    """Permissions that hang on no umask, and the time of the commit: the same repository gives the same
    layer. What git keeps for itself in ``.git`` stays as it is."""
    for path, folders, names in os.walk(folder, topdown=False):
        if ".git" in Path(path).relative_to(folder).parts:
            continue
        for name in (*names, *folders):
            entry = os.path.join(path, name)
            mode = os.lstat(entry).st_mode
            if not stat.S_ISLNK(mode):
                os.chmod(entry, 0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644)
            os.utime(entry, (seconds, seconds), follow_symlinks=False)
