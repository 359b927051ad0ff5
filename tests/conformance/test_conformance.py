"""The same Dockerfile by docker's BuildKit and by this project: files and configuration are equal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.compare.builders import Built, build_docker, build_ours
from tests.compare.difference import difference
from tests.compare.images import export_docker, export_ours
from tests.conformance.case import Case, lay_out
from tests.conformance.catalogue import CASES
from tests.servers.bases import Base
from tests.servers.dockerd import Docker

pytestmark = pytest.mark.docker


@dataclass(frozen=True, slots=True)
class Outcome:
    """How both builds of a case ended, and what differs if both made an image."""

    theirs: Built
    ours: Built
    differences: Sequence[str]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, docker: Docker, busybox: Base, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """All the selected cases, built ahead with one worker for each processor."""
    folder = tmp_path_factory.mktemp("conformance")
    selected = [
        item.callspec.params["case"]
        for item in request.session.items
        if hasattr(item, "callspec") and isinstance(item.callspec.params.get("case"), Case)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            case.name: pool.submit(_examine, case, docker, busybox, folder / case.name) for case in selected
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_docker_builds_it(case: Case, outcomes: dict[str, Future[Outcome]]) -> None:
    outcome = outcomes[case.name].result()
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
        assert not outcome.differences, "\n".join(outcome.differences)


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 60


def _examine(case: Case, docker: Docker, base: Base, folder: Path) -> Outcome:
    folder.mkdir()
    theirs = _docker(case, docker, folder)
    ours = _ours(case, base, folder)
    found: Sequence[str] = ()
    if theirs.code == ours.code == 0:
        saved = folder / "saved"
        saved.mkdir()
        found = difference(
            export_docker(docker, _tag(case), saved), export_ours(folder / "layout"), excused=case.excused
        )
    if not found:
        shutil.rmtree(folder)
    return Outcome(theirs, ours, found)


def _tag(case: Case) -> str:
    return f"conformance/{case.name}"


def _docker(case: Case, docker: Docker, folder: Path) -> Built:
    context = lay_out(case, folder / "docker", for_docker=True)
    return build_docker(docker, _tag(case), context, _options(case, context))


def _ours(case: Case, base: Base, folder: Path) -> Built:
    context = lay_out(case, folder / "ours", for_docker=False)
    home = folder / "home"
    home.mkdir()
    return build_ours(folder / "layout", context, _options(case, context), home=home, bases=[base])


def _options(case: Case, context: Path) -> Sequence[str]:
    return [option.replace("{context}", str(context)) for option in case.options]
