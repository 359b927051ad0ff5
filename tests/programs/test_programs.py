"""Real programs run under ``ptrace`` as they do in namespaces: exit codes, output and files are equal.

The first as root of this machine; the second as user 1000, without capabilities or new privileges, under
docker's own seccomp profile. ``tests.programs.identity`` proves the excuses.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.programs.build import by_ptrace, in_namespace
from tests.programs.catalogue import PROGRAMS, TOOLCHAINS
from tests.programs.judge import differences
from tests.programs.program import CASES, Program
from tests.servers.dockerd import Docker

pytestmark = [pytest.mark.docker, pytest.mark.root, pytest.mark.network]

Differences = dict[str, Future[list[str]]]


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest,
    docker: Docker,
    builder_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Differences]:
    """What differs, by program: those that were selected, built ahead with a worker for each processor."""
    top = tmp_path_factory.mktemp("programs")
    for above in (top, top.parent, top.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)
    build = by_ptrace(docker, builder_image)

    def examine(program: Program) -> list[str]:
        folder = top / program.name
        left = in_namespace(program, folder / "namespace")
        right = build(program, folder / "ptrace")
        lines = differences(program, left, right)
        if not lines:
            shutil.rmtree(folder)
        return lines

    programs = _selected(request.session)
    for program in programs:
        _ = program.base  # before there are threads: two would make the same one
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {program.name: pool.submit(examine, program) for program in programs}
        pool.shutdown(cancel_futures=True)


def _selected(session: pytest.Session) -> list[Program]:
    items = [item for item in session.items if isinstance(item, pytest.Function)]
    mine = [item for item in items if item.originalname == "test_as_in_namespaces"]
    names = {program.name: program for program in PROGRAMS}
    return [names[item.callspec.id] for item in mine]


def _parameters() -> list[object]:
    return [
        pytest.param(
            program, id=program.name, marks=[pytest.mark.toolchains] if program in TOOLCHAINS else []
        )
        for program in PROGRAMS
    ]


@pytest.mark.parametrize("program", _parameters())
def test_as_in_namespaces(program: Program, found: Differences) -> None:
    lines = found[program.name].result()
    assert not lines, "\n".join(lines[:100])


def test_every_case_is_in_the_catalogue() -> None:
    assert sorted(program.name for program in PROGRAMS) == sorted(path.name for path in CASES.iterdir())
