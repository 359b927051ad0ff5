"""One case, built by docker and by this project in some surroundings, and what differs.

Docker builds it once in a run of the tests, whichever process of the run needs it first.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.compare.builders import Built, build_docker
from tests.compare.difference import difference
from tests.compare.entries import Exported
from tests.compare.images import export_docker, export_ours
from tests.conformance.case import Case, lay_out
from tests.servers.dockerd import Docker

Builder = Callable[[Path, Sequence[str]], Built]
"""Builds the context in ``folder/ours`` with options into the OCI layout ``folder/layout``."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How both builds of a case ended, and what differs if both made an image."""

    theirs: Built
    ours: Built
    differences: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Theirs:
    """How docker's build ended, and its image if there is one."""

    built: Built
    image: Exported | None


Outcomes = dict[str, Future[Outcome]]


@contextmanager
def examine_ahead(
    cases: Sequence[Case], docker: tuple[Docker, Path], builder: Builder, folder: Path
) -> Iterator[Outcomes]:
    """All of ``cases`` by name, built ahead with one worker for each processor. ``docker``: with the folder
    of what it made of cases in this run."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {case.name: pool.submit(_examine, case, docker, builder, folder / case.name) for case in cases}
        pool.shutdown(cancel_futures=True)


def selected_cases(session: pytest.Session, test: str) -> list[Case]:
    """The cases with which the function ``test`` is going to be called."""
    items = [item for item in session.items if isinstance(item, pytest.Function)]
    # Tests of other folders may have the same name.
    mine = [item for item in items if item.originalname == test and hasattr(item, "callspec")]
    cases = [item.callspec.params.get("case") for item in mine]
    return [case for case in cases if isinstance(case, Case)]


def judge(case: Case, outcome: Outcome, excused: Collection[str] = ()) -> None:
    """Fail the test unless both did the same, or what ``case`` says."""
    theirs, ours = outcome.theirs, outcome.ours
    if case.fails:
        assert (theirs.code == 0) == bool(case.stricter), f"of docker not as expected:\n{theirs.text}"
        assert ours.code != 0, "ours builds what docker refuses"
        assert case.fails in ours.text
        assert "Traceback" not in ours.text
    elif case.lenient:
        assert theirs.code != 0, "docker builds it, too"
        assert ours.code == 0, f"ours refuses:\n{ours.text}"
    else:
        assert theirs.code == 0, f"docker refuses:\n{theirs.text}"
        assert ours.code == 0, f"ours refuses:\n{ours.text}"
        found = [line for line in outcome.differences if not line.startswith(tuple(excused))]
        assert not found, "\n".join(found)


def _examine(case: Case, docker: tuple[Docker, Path], builder: Builder, folder: Path) -> Outcome:
    folder.mkdir()
    theirs = _by_docker(case, docker, folder)
    ours = builder(folder, _prepare(case, folder / "ours", for_docker=False)[1])
    found: Sequence[str] = ()
    if theirs.image is not None and ours.code == 0:
        found = difference(theirs.image, export_ours(folder / "layout"), excused=case.excused)
    if not found:
        shutil.rmtree(folder)
    return Outcome(theirs.built, ours, found)


def _by_docker(case: Case, docker: tuple[Docker, Path], folder: Path) -> _Theirs:
    daemon, known = docker[0], docker[1] / case.name
    if known.exists():
        before: _Theirs = pickle.loads(known.read_bytes())
        return before
    built = build_docker(daemon, _tag(case), *_prepare(case, folder / "docker", for_docker=True))
    image = None
    if built.code == 0:
        (folder / "saved").mkdir()
        image = export_docker(daemon, _tag(case), folder / "saved")
    theirs = _Theirs(built, image)
    (folder / "theirs").write_bytes(pickle.dumps(theirs))
    (folder / "theirs").replace(known)
    return theirs


def _tag(case: Case) -> str:
    return f"conformance/{case.name}"


def _prepare(case: Case, folder: Path, *, for_docker: bool) -> tuple[Path, list[str]]:
    context = lay_out(case, folder, for_docker=for_docker)
    return context, [option.replace("{context}", str(context)) for option in case.options]
