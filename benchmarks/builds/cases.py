"""What is built, by the names of the issue; bars are multiples of what bare tools take in the same run."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_FILES, _SIZE = 30_000, 10_000
_FROM = "ARG BASE\nFROM ${BASE}\n"
_SMALL_FILES = (
    "mkdir -p /srv/many && cd /srv/many && for d in $(seq 100); do mkdir $d; done"
    " && for d in $(seq 100); do (cd $d && seq 300 | split -l 1 -a 3); done"
)
_BIG_FILE = "for i in $(seq 32); do head -c 8388608 /dev/urandom; head -c 8388608 /dev/zero; done > /srv/big"
_STEPS = "".join(f"RUN echo {number} > /srv/step-{number}\n" for number in range(1, 26))
_STAGES = "ARG BASE\n" + "".join(
    f"FROM ${{BASE}} AS s{number}\nRUN sleep 4; echo {number} > /srv/made-{number}\n"
    for number in range(1, 5)
)
_COPIES = "".join(f"COPY --from=s{number} /srv/made-{number} /srv/\n" for number in range(1, 5))


@dataclass(frozen=True, slots=True)
class Bar:
    """At most ``factor`` times the bare tools of the case ``of``, and ``seconds`` that nobody can save."""

    factor: float
    of: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """``fill`` makes the build context. ``floor`` are the steps of the bare tools: ("run", script, path) or
    ("copy", source, path), each a layer of the path. ``warm``: built twice, the first time untimed, with a
    cache in the registry and nothing else kept. ``busy``: its commands take processor time themselves.
    ``short``: it is measured more often. ``bars`` by builder."""

    name: str
    title: str
    dockerfile: str
    fill: Callable[[Path], None]
    floor: tuple[tuple[str, str, str], ...] = ()
    bars: tuple[tuple[str, Bar], ...] = ()
    warm: bool = False
    memory: bool = False
    busy: bool = False
    short: bool = False


def _nothing(context: Path) -> None:
    """Makes no file."""


def _one_file(context: Path) -> None:
    (context / "file").write_text("one file\n")


def _many_files(context: Path) -> None:
    """30,000 files of 10 kB, half of which compresses well."""
    source = random.Random(7)
    for number in range(_FILES):
        folder = context / "tree" / str(number // 300)
        folder.mkdir(parents=True, exist_ok=True)
        half = source.randbytes(_SIZE // 2)
        (folder / f"{number}.dat").write_bytes(half + b"0123456789abcdef" * (_SIZE // 32))


def _bars(case: str, namespace: float, in_place: float | None = None) -> tuple[tuple[str, Bar], ...]:
    found = [("namespace", Bar(namespace, case))]
    found += [("in-place", Bar(in_place, case))] if in_place is not None else []
    return tuple(found)


CASES = (
    Case(
        "W1",
        "tiny: RUN echo, COPY one file",
        f"{_FROM}RUN echo hello > /srv/hello\nCOPY file /srv/file\n",
        _one_file,
        (("run", "echo hello > /srv/hello", "srv/hello"), ("copy", "file", "srv/file")),
        _bars("W1", 1.0, 1.2),
        short=True,
    ),
    Case(
        "W2",
        "a RUN that makes 30,000 small files",
        f"{_FROM}RUN {_SMALL_FILES}\n",
        _nothing,
        (("run", _SMALL_FILES, "srv/many"),),
        _bars("W2", 1.0, 1.3),
        busy=True,
    ),
    Case(
        "W3",
        "a RUN that makes one 512 MiB half-compressible file",
        f"{_FROM}RUN {_BIG_FILE}\n",
        _nothing,
        (("run", _BIG_FILE, "srv/big"),),
        _bars("W3", 0.8, 0.9),
        busy=True,
    ),
    Case(
        "W4",
        "25 RUN steps of one file each",
        _FROM + _STEPS,
        _nothing,
        bars=(("namespace", Bar(2.0, "W1")),),
    ),
    Case(
        "W5",
        "four independent stages of 4 s, one COPY from each",
        f"{_STAGES}FROM ${{BASE}}\n{_COPIES}",
        _nothing,
        bars=(("namespace", Bar(1.5, "W1", 4.0)),),
    ),
    Case(
        "W6",
        "W4 again, registry cache warm, local state cold",
        _FROM + _STEPS,
        _nothing,
        bars=(("namespace", Bar(0.3, "W1")),),
        warm=True,
        short=True,
    ),
    Case(
        "W7",
        "COPY of 30,000 files, 300 MB",
        f"{_FROM}COPY tree /srv/tree\n",
        _many_files,
        (("copy", "tree", "srv/tree"),),
        _bars("W7", 0.6),
        memory=True,
    ),
    Case(
        "W8",
        "apt-get install python3 curl git",
        f"{_FROM}RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y"
        " --no-install-recommends python3 curl git\n",
        _nothing,
        busy=True,
    ),
)


def make_context(case: Case, folder: Path) -> Path:
    """The build context of ``case``, made in ``folder``; every user may read it."""
    context = folder / case.name
    context.mkdir()
    (context / "Dockerfile").write_text(case.dockerfile)
    case.fill(context)
    for path, _, _ in os.walk(context):
        os.chmod(path, 0o755)
    return context
