"""The git repositories that ADD names, cloned before anything is built.

In place, the files of the image take those of the machine's git. Each is cloned once, however often it
is named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ci_builder.build.action import Clone, Repository, Step
from ci_builder.context.git import clone, parse_remote
from ci_builder.context.inside import inside
from ci_builder.errors import CiBuilderError, ContextError, DockerfileError
from ci_builder.progress import Notice, Progress
from ci_builder.span import Source


def clone_all(
    steps: Iterable[Step], folder: Path, source: Source, progress: Progress
) -> Mapping[Repository, Path]:
    """Clone what ``steps`` need, each into a folder of its own in ``folder``; the files of each.

    The job's own credentials (GIT_TOKEN and the like) are for the build context: a Dockerfile could send
    them anywhere, so they are not used here. Raises DockerfileError.
    """
    clones: dict[Repository, Path] = {}
    for step in steps:
        for action in step.actions:
            if isinstance(action, Clone) and action.repository not in clones:
                target = folder / str(len(clones))
                target.mkdir(parents=True)
                try:
                    clones[action.repository] = _cloned(action.repository, target, progress)
                except CiBuilderError as error:
                    raise DockerfileError(
                        str(error), source=source, span=step.span, hint=error.hint
                    ) from error
    return clones


def _cloned(repository: Repository, target: Path, progress: Progress) -> Path:
    remote = parse_remote(repository.url, {})
    remote = replace(remote, checksum=repository.checksum or remote.checksum)
    progress(Notice("info", f"cloning {remote.url}"))
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
