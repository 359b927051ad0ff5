"""The folders of RUN --mount=type=cache as things that take room: listed with their sizes, and removed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ci_builder.cache.limits import Entry
from ci_builder.cache.mounts import MountName
from ci_builder.errors import OutputError
from ci_builder.executors.removal import remove_folder
from ci_builder.progress import Notice, Progress
from ci_builder.untrusted import from_json
from ci_builder.values import asdict, dataclass

ABOUT = "about"


def tell_name(base: Path, name: MountName) -> None:
    """Write down beside a cache's folders which cache it is: their own name is a digest. Raises OSError."""
    about = base / ABOUT
    if not about.exists():
        with new_file(about) as file:
            file.write(json.dumps(asdict(name)).encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """What is written gets the name ``target`` when it is whole. Stages of one build and other builds may
    write it at the same moment: each has a file of its own until then. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


@dataclass(frozen=True, slots=True)
class CacheFolders:
    """All of them, in ``folder``. See Place."""

    folder: Path
    progress: Progress

    def __str__(self) -> str:
        """The folder."""
        return f"caches of RUN --mount in {self.folder}"

    def entries(self) -> tuple[Entry, ...]:
        """One for each folder; it was last used when its lock was last taken. Raises OutputError."""
        try:
            return tuple(self._entry(place) for place in self._places())
        except OSError as error:
            raise _unreadable(error) from error

    def remove(self, entries: Sequence[Entry]) -> int:
        """Remove them but for those that a build uses. Raises OutputError."""
        freed = 0
        for entry in entries:
            place = self.folder / entry.identity
            try:
                with _locked(place) as free:
                    if free:
                        _clear(place)
                        freed += entry.size
                    else:
                        text = f"the cache {entry.title} is in use, and stays"
                        self.progress(Notice("warning", text))
            except OSError as error:
                raise _unreadable(error) from error
        return freed

    def _places(self) -> Iterator[Path]:
        """``DIGEST/NUMBER`` of each cache that has files."""
        if self.folder.is_dir():
            for base in sorted(item for item in self.folder.iterdir() if item.is_dir()):
                numbers = sorted(item for item in base.iterdir() if item.name.isdigit())
                yield from (item for item in numbers if (item / "files").is_dir())

    def _entry(self, place: Path) -> Entry:
        identity = str(place.relative_to(self.folder))
        about, lock = place.parent / ABOUT, place / "lock"
        made = int((about if about.exists() else lock).stat().st_mtime)
        blobs = ((identity, _size(place / "files")),)
        return Entry("cache mounts", identity, _title(about, place), blobs, made, int(lock.stat().st_mtime))


def _title(about: Path, place: Path) -> str:
    try:
        value = from_json(about.read_text(encoding="utf-8", errors="surrogateescape"))
        name = MountName(**{key: str(text) for key, text in value.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return place.parent.name
    parts = [name.id]
    parts += [f"namespace {name.namespace}"] if name.namespace else []
    parts += [f"from {name.origin}"] if name.origin else []
    parts += [f"of {name.owner}"] if name.owner else []
    parts += [f"number {place.name}"] if place.name != "0" else []
    return ", ".join(parts).encode("utf-8", "backslashreplace").decode()


def _size(folder: Path) -> int:
    """Bytes of the files, each once however many names it has. Raises OSError."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for above, folders, names in os.walk(folder, onerror=_raise):
        for name in (*folders, *names):
            found = os.lstat(os.path.join(above, name))
            if stat.S_ISREG(found.st_mode) and (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_size
    return total


def _raise(error: OSError) -> None:
    raise error


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[bool]:
    """Whether nobody uses it, and nobody can meanwhile. The lock itself always stays: who waits for it
    must wait for the same one."""
    descriptor = os.open(place / "lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _clear(place: Path) -> None:
    for path in place.iterdir():
        if path.is_dir() and not path.is_symlink():
            remove_folder(str(path))
        elif path.name != "lock":
            path.unlink()


def _unreadable(error: OSError) -> OutputError:
    return OutputError(
        f"{error.strerror}: {error.filename}", hint="the caches of other users are theirs to remove"
    )
