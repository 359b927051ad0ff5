"""Files that a command in place must not read: kept in this process's memory as long as it runs."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ci_builder.executors.linux.calls import describe
from ci_builder.progress import Notice, Progress
from ci_builder.values import dataclass, field

_INSTEAD = "write or copy it there instead of mounting it, or give DOCKER_AUTH_CONFIG"


@dataclass(frozen=True, slots=True)
class _Taken:
    path: str
    mode: int
    uid: int
    gid: int
    content: bytes = field(repr=False)


@contextlib.contextmanager
def taken_away(paths: Sequence[Path], progress: Progress) -> Iterator[None]:
    """Remove the files at ``paths`` that are there, and put them back at the end, as they were.

    One that cannot be removed (it is mounted) is left, with a warning.
    """
    taken = [item for item in (_take(path, progress) for path in _existing(paths)) if item is not None]
    try:
        yield
    finally:
        for item in taken:
            _put_back(item)


def _existing(paths: Iterable[Path]) -> list[str]:
    real = {os.path.realpath(path) for path in paths}
    return sorted(path for path in real if os.path.isfile(path))


def _take(path: str, progress: Progress) -> _Taken | None:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
        os.unlink(path)
    except OSError as error:
        text = (
            f"{path} holds credentials and cannot be hidden from RUN commands: {describe(error)}; {_INSTEAD}"
        )
        progress(Notice("warning", text))
        return None
    return _Taken(path, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content)


def _put_back(item: _Taken) -> None:
    # The command may have removed the folder, or left something under the name: its own, not to be followed.
    os.makedirs(os.path.dirname(item.path), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(item.path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(item.path, flags, 0o600), "wb") as file:
        file.write(item.content)
        os.fchown(file.fileno(), item.uid, item.gid)
        os.fchmod(file.fileno(), item.mode)
