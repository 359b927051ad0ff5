"""Runs a script in a real root and with an executor, and says what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.calls import program
from tests.calls.compare import differences
from tests.calls.image import USER, make_image
from tests.calls.server import Outcome, Server

Judge = Callable[[str], list[str]]


@pytest.fixture(scope="session")
def calls_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer that all scripts run on."""
    reason = program.missing()
    if reason:
        pytest.skip(reason)
    if not Path("/bin/busybox").exists():
        pytest.skip("busybox is not installed (Debian's busybox-static)")
    folder = tmp_path_factory.mktemp("calls")
    for place in (folder, *folder.parents):
        # pytest's folders are private to the user who runs it.
        if place.is_relative_to("/tmp") and place != Path("/tmp"):
            place.chmod(place.stat().st_mode | 0o011)
    return make_image(folder)


@pytest.fixture(scope="session")
def real_root(calls_layer: Path) -> Iterator[Server]:
    """What is held against."""
    yield from _server("real", calls_layer)


@pytest.fixture(scope="session")
def namespace(calls_layer: Path) -> Iterator[Server]:
    """The executor ``namespace`` as root."""
    yield from _server("namespace", calls_layer)


@pytest.fixture(scope="session")
def ptrace(calls_layer: Path) -> Iterator[Server]:
    """The executor ``ptrace`` as a user without any right."""
    yield from _server("ptrace", calls_layer, user=USER)


@pytest.fixture(params=["namespace", "ptrace"])
def executor(request: pytest.FixtureRequest) -> str:
    """The executors that are held against the real root."""
    return str(request.param)


@pytest.fixture
def judge(request: pytest.FixtureRequest, executor: str, calls_layer: Path, real_root: Server) -> Judge:
    """Says what differs when a script runs with an executor, instead of in a real root."""
    server: Server = request.getfixturevalue(executor)

    def examine(script: str) -> list[str]:
        server.ask(script)
        real = _expected(script, real_root)
        return differences(script, calls_layer, real, server.answer())

    return examine


_KNOWN: dict[str, Outcome] = {}


def _expected(script: str, real_root: Server) -> Outcome:
    if script not in _KNOWN:
        real_root.ask(script)
        _KNOWN[script] = real_root.answer()
    return _KNOWN[script]


def _server(name: str, layer: Path, user: int = 0) -> Iterator[Server]:
    folder = layer.parent / f"server-{name}"
    folder.mkdir(mode=0o755)
    server = Server(name, layer, folder, user=user)
    yield server
    server.close()
