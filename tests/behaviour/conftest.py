"""A file of tests says in its fixture ``case`` what is built, and each of its tests asks for ``image``, which
every executor built, or for ``ran``, which those did that run commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.behaviour import workbench as benches
from tests.behaviour.workbench import ALL, RUNNING, Image, Refuse, Workbench
from tests.conformance.case import Case
from tests.servers import ordinary_user
from tests.servers.bases import Base


@pytest.fixture(scope="session")
def workbench(busybox: Base, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """Builds on busybox."""
    reason = ordinary_user.refusal()
    if reason:
        pytest.skip(reason)
    return Workbench(tmp_path_factory.mktemp("behaviour"), busybox)


@pytest.fixture(scope="module")
def images(workbench: Workbench, case: Case) -> Callable[[str], Image]:
    """The image of the file's case by an executor, built when it is first asked for, and then no more."""
    known = cache(lambda executor: workbench.outcome(executor, case))
    return lambda executor: known(executor).image


@pytest.fixture(params=ALL)
def image(request: pytest.FixtureRequest, images: Callable[[str], Image]) -> Image:
    """Built by each executor; by ``none`` without the RUNs."""
    return images(request.param)


@pytest.fixture(params=RUNNING)
def ran(request: pytest.FixtureRequest, images: Callable[[str], Image]) -> Image:
    """Built by each executor that runs commands."""
    return images(request.param)


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """What a Dockerfile that must not be built is answered with."""
    return lambda dockerfile: benches.refuse(tmp_path / "job", dockerfile)
