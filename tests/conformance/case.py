"""A conformance case: one Dockerfile, one behaviour, and the context that it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A file of the context with a mode, owner or extended attribute other than the usual."""

    content: str | bytes = ""
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the context; needed only if it is empty or has an odd mode."""

    mode: int = 0o755
    owner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link of the context."""

    target: str


@dataclass(frozen=True, slots=True)
class Hard:
    """One more name for a file of the context (written before it)."""

    target: str


Content = str | bytes | File | Folder | Symlink | Hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One behaviour.

    ``context`` maps paths to what is there, ``options`` are flags of build that both tools know,
    ``fails`` a part of our message where both must refuse, ``reference`` the text that docker builds
    instead where its BuildKit is too old for ``dockerfile`` (the histories then differ by nature),
    ``stricter`` why we refuse (with ``fails`` in the message) what docker 20.10 builds,
    ``lenient`` why we build what docker 20.10 refuses,
    ``excused`` what is not compared, each with its reason: a part of the image (files, config, history) or
    the beginning of a difference as it is printed; one that does not occur is a failure.
    """

    name: str
    dockerfile: str
    context: Mapping[str, Content] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    fails: str = ""
    stricter: str = ""
    lenient: str = ""
    reference: str = ""
    excused: Mapping[str, str] = field(default_factory=dict)


def lay_out(case: Case, folder: Path, *, for_docker: bool) -> Path:
    """Write the context of ``case`` into the new ``folder`` and return it."""
    folder.mkdir()
    text = case.reference if for_docker and case.reference else case.dockerfile
    (folder / "Dockerfile").write_text(text)
    for path, content in case.context.items():
        _write(folder, path, content)
    # Modes last: a folder may be closed to its own content's writing.
    for path, content in case.context.items():
        if isinstance(content, File | Folder):
            os.chown(folder / path, *content.owner)
            (folder / path).chmod(content.mode)
    return folder


def _write(folder: Path, path: str, content: Content) -> None:
    place = folder / path
    _parents(folder, place)
    if isinstance(content, Folder):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    elif isinstance(content, Symlink):
        place.symlink_to(content.target)
    elif isinstance(content, Hard):
        place.hardlink_to(folder / content.target)
    else:
        given = content if isinstance(content, File) else File(content)
        data = given.content.encode() if isinstance(given.content, str) else given.content
        place.write_bytes(data)
        place.chmod(0o644)
        for name, value in given.xattrs:
            os.setxattr(place, name, value)


def _parents(folder: Path, place: Path) -> None:
    missing = [above for above in place.parents if above != folder and folder in above.parents]
    for above in reversed(missing):
        if not above.exists():
            above.mkdir()
            above.chmod(0o755)
