"""A private folder from which programs can be started: neither on a file system that is mounted noexec,
nor where a security module forbids it. Found by starting one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ci_builder.errors import ExecutorError, OutputError
from ci_builder.executors.linux.calls import describe
from ci_builder.executors.private_folder import private_folder
from ci_builder.executors.trial import refusal
from ci_builder.executors.trial_program import trial_program
from ci_builder.values import dataclass

REMEDY = "set TMPDIR to a folder on a file system that is not mounted noexec"
_NO_EXEC = "noexec"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """``folders`` are taken in their order when the build's own is refused; what is made in one of them is
    removed when ``cleanup`` is closed."""

    folders: tuple[Path, ...]
    cleanup: contextlib.ExitStack


@contextlib.contextmanager
def executable_folder(own: Path, others: tuple[Path, ...]) -> Iterator[Path]:
    """``own``, a private folder, when programs can be started from it; else a new one in the first of
    ``others`` where they can, which is removed afterwards.

    This process must have one thread. Raises ExecutorError with a hint when there is none, and on a machine
    for which no program is known; OutputError.
    """
    try:
        program = trial_program()
    except OSError as error:
        raise ExecutorError(describe(error)) from error
    trouble = _trouble(own, program)
    if not trouble:
        yield own
        return
    refused = {_mount_point(own): trouble}
    for other in others:
        trouble = _trouble_in(other, program)
        if not trouble:
            with private_folder(other) as folder:
                yield folder
            return
        refused.setdefault(str(other), trouble)
    raise ExecutorError(_reason(refused), hint=REMEDY)


def _trouble_in(parent: Path, program: bytes) -> str:
    try:
        with private_folder(parent) as folder:
            return _trouble(folder, program)
    except OutputError as error:
        return str(error.__cause__.strerror if isinstance(error.__cause__, OSError) else error)


def _trouble(folder: Path, program: bytes) -> str:
    """Why ``program`` cannot be started from ``folder``; empty when it can."""
    path = folder / "trial-program"
    try:
        path.write_bytes(program)
        path.chmod(0o700)
        trouble = refusal(lambda: os.execv(path, [str(path)]))  # noqa: S606 a program, no shell
        path.unlink()
        return _NO_EXEC if trouble and os.statvfs(folder).f_flag & os.ST_NOEXEC else trouble
    except OSError as error:
        return error.strerror or str(error)


def _mount_point(folder: Path) -> str:
    return str(next(place for place in (folder, *folder.parents) if place.is_mount()))


def _reason(refused: dict[str, str]) -> str:
    blocked = [place for place, trouble in refused.items() if trouble == _NO_EXEC]
    others = "".join(f"; {place}: {trouble}" for place, trouble in refused.items() if trouble != _NO_EXEC)
    if blocked:
        return f"every folder that can be written is mounted noexec: {', '.join(blocked)}{others}"
    return f"there is no folder from which programs can be started{others}"
