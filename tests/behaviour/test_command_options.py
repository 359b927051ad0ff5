"""What a build says of all its RUN commands: --run-timeout, --ulimit and --network."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compare.builders import Built, build_ours
from tests.servers.bases import Base

pytestmark = pytest.mark.root
Build = Callable[..., Built]


@pytest.fixture(params=["namespace", "ptrace", "chroot"])
def build(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Build:
    """Builds a Dockerfile into ``tmp_path/layout``."""
    for name in ("context", "home"):
        (tmp_path / name).mkdir()

    def made(dockerfile: str, *options: str) -> Built:
        (tmp_path / "context" / "Dockerfile").write_text(dockerfile)
        layout, home = tmp_path / "layout", tmp_path / "home"
        isolation = str(request.param)
        return build_ours(
            layout, tmp_path / "context", options, home=home, bases=[busybox], isolation=isolation
        )

    return made


def test_a_command_that_takes_too_long(build: Build, tmp_path: Path) -> None:
    built = build("FROM busybox\nRUN echo begun; sleep 4324\nRUN echo never\n", "--run-timeout=2s")
    assert built.code == 124
    assert "Dockerfile:2: the command did not end within 2 s and was killed" in built.text
    assert ">>> RUN echo begun; sleep 4324" in built.text
    assert "its last lines:\nbegun" in built.text
    assert "--run-timeout" in built.text
    assert not (tmp_path / "layout").exists()


@pytest.fixture
def port() -> Iterator[int]:
    """Of somebody on the loopback who hangs up at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_limits_and_the_network_of_commands_that_do_not_say(build: Build, port: int) -> None:
    dockerfile = f"""\
FROM busybox
RUN echo limits $(ulimit -n) $(ulimit -Hn) $(ulimit -c)
RUN nc 127.0.0.1 {port}; echo without: $?
RUN --network=default nc 127.0.0.1 {port}; echo with: $?
"""
    options = ("--ulimit=nofile=99:101", "--ulimit", "core=0", "--network=none", "--run-timeout=9m")
    built = build(dockerfile, *options)
    assert built.code == 0, built.text
    assert "limits 99 101 0\n" in built.text
    assert "without: 1\n" in built.text
    assert "with: 0\n" in built.text


def test_a_limit_that_nobody_can_have(build: Build, tmp_path: Path) -> None:
    """No number of open files is higher than the machine's own limit, not even for root."""
    more = int(Path("/proc/sys/fs/nr_open").read_text()) + 1
    built = build("FROM busybox\nRUN echo begun\n", f"--ulimit=nofile={more}")
    assert built.code == 1
    assert f"error: --ulimit nofile={more}:{more} cannot be had: the hard limit of this job is" in built.text
    assert "begun" not in built.text.replace("RUN echo begun", "")
    assert not (tmp_path / "layout").exists()
