"""The same Dockerfile by docker's BuildKit and by this project: files and configuration are equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.compare.builders import Built, build_ours
from tests.conformance.case import Case
from tests.conformance.catalogue import CASES
from tests.conformance.examine import Outcomes, examine_ahead, judge, selected_cases
from tests.servers.bases import Base
from tests.servers.dockerd import Docker

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    docker: Docker,
    docker_outcomes: Path,
    busybox: Base,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    def build(folder: Path, options: Sequence[str]) -> Built:
        (folder / "home").mkdir()
        layout, context = folder / "layout", folder / "ours"
        return build_ours(layout, context, options, home=folder / "home", bases=[busybox])

    cases = selected_cases(request.session, "test_as_docker_builds_it")
    known = (docker, docker_outcomes)
    with examine_ahead(cases, known, build, tmp_path_factory.mktemp("conformance")) as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_docker_builds_it(case: Case, outcomes: Outcomes) -> None:
    judge(case, outcomes[case.name].result())


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 60
