"""What grows: builds of many files and of many steps."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_IN_A_FOLDER = 1000
# Names of some length, a thousand to a folder; without a process for each.
_MAKE = """\
RUN i=0; while [ $i -lt {folders} ]; do mkdir -p /srv/$i; cd /srv/$i; \
seq 1 {each} | sed s/^/file-number-/ | xargs touch; i=$((i+1)); done
"""


@dataclass(frozen=True, slots=True)
class Case:
    """``prepare(folder, count)`` writes folder/context; ``counts``: files or steps."""

    name: str
    title: str
    isolation: str
    prepare: Callable[[Path, int], None]
    counts: str = "files"


def _write(folder: Path, *lines: str) -> None:
    (folder / "context/Dockerfile").write_text("\n".join(("FROM busybox", *lines)) + "\n")


def make_files(count: int) -> str:
    """A RUN that makes so many empty files."""
    return _MAKE.format(folders=max(1, count // _IN_A_FOLDER), each=min(count, _IN_A_FOLDER)).rstrip()


def write_files(folder: Path, count: int) -> None:
    """Make so many small files in ``folder``."""
    for number in range(count):
        inside = folder / str(number // _IN_A_FOLDER)
        if number % _IN_A_FOLDER == 0:
            inside.mkdir(parents=True)
        descriptor = os.open(inside / f"file-number-{number % _IN_A_FOLDER}", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(descriptor, b"%d\n" % number)
        os.close(descriptor)


def _run(folder: Path, count: int) -> None:
    _write(folder, make_files(count))


def _copy(folder: Path, count: int) -> None:
    write_files(folder / "context/files", count)
    _write(folder, "COPY files /srv")


def _add(folder: Path, count: int) -> None:
    with tarfile.open(folder / "context/files.tar", "w") as tar:
        for number in range(count):
            entry = tarfile.TarInfo(f"{number // _IN_A_FOLDER}/file-number-{number}")
            entry.size = 5
            tar.addfile(entry, io.BytesIO(b"text\n"))
            vars(tar)["members"].clear()
    _write(folder, "ADD files.tar /srv/")


def _steps(folder: Path, count: int) -> None:
    _write(folder, *(f"RUN echo {number} > /file-{number}" for number in range(count)))


CASES = (
    Case("run", "files that a RUN makes (namespace)", "namespace", _run),
    Case("scan", "files that a RUN makes, found by a scan (chroot)", "chroot", _run),
    Case("copy", "files that COPY copies (namespace)", "namespace", _copy),
    Case("add", "files in a tar that ADD unpacks (namespace)", "namespace", _add),
    Case("steps", "RUN steps that make a file each (namespace)", "namespace", _steps, counts="steps"),
)
