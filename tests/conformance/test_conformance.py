"""The same Dockerfile by docker's BuildKit and by this project: files and configuration are equal."""

from __future__ import annotations

from collections.abc import Sequence
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_docker_builds_it(case: Case, docker: Docker, busybox: Base, tmp_path: Path) -> None:
    theirs = _docker(case, docker, tmp_path)
    ours, layout = _ours(case, busybox, tmp_path)
    if case.fails:
        assert (theirs.code == 0) == bool(case.stricter), f"of docker not as expected:\n{theirs.text}"
        assert ours.code != 0, "ours builds what docker refuses"
        assert case.fails in ours.text
        assert "Traceback" not in ours.text
        return
    if case.lenient:
        assert (theirs.code == 0, ours.code) == (False, 0), f"{theirs.text}\n{ours.text}"
        return
    assert theirs.code == 0, f"docker refuses:\n{theirs.text}"
    assert ours.code == 0, f"ours refuses:\n{ours.text}"
    saved = tmp_path / "saved"
    saved.mkdir()
    left = export_docker(docker, _tag(case), saved)
    found = difference(left, export_ours(layout), excused=case.excused)
    assert not found, "\n".join(found)


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 60


def _tag(case: Case) -> str:
    return f"conformance/{case.name}"


def _docker(case: Case, docker: Docker, folder: Path) -> Built:
    context = lay_out(case, folder / "docker", for_docker=True)
    return build_docker(docker, _tag(case), context, _options(case, context))


def _ours(case: Case, base: Base, folder: Path) -> tuple[Built, Path]:
    context = lay_out(case, folder / "ours", for_docker=False)
    layout, home = folder / "layout", folder / "home"
    home.mkdir()
    built = build_ours(layout, context, _options(case, context), home=home, bases=[base])
    return built, layout


def _options(case: Case, context: Path) -> Sequence[str]:
    return [option.replace("{context}", str(context)) for option in case.options]
