"""A child that answers, fails, dies or does not end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ci_builder.errors import ExecutorError
from ci_builder.executors.apart import apart


def test_its_answer() -> None:
    answer = apart(lambda: "grüß", 10)
    assert (answer.ok, answer.text) == (True, "grüß")


def test_nothing_is_printed_and_nothing_happens_here(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def action() -> str:
        os.write(1, b"out")
        os.write(2, b"err")
        os.chdir(tmp_path)
        return str(os.getsid(0) == os.getpid())

    before = os.getcwd()
    assert apart(action, 10).text == "True"
    assert (capfd.readouterr(), os.getcwd()) == (("", ""), before)


def _refused() -> str:
    raise ExecutorError("it is not permitted")


def _missing() -> str:
    raise FileNotFoundError(2, "No such file or directory", "/x")


def _killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def _gone() -> str:
    os._exit(3)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (_refused, "it is not permitted"),
        (_missing, "/x: No such file or directory"),
        (_killed, "it was killed by SIGKILL"),
        (_gone, "it ended with 3"),
        (lambda: str(1 / 0), "ZeroDivisionError('division by zero')"),
    ],
)
def test_its_failure(action: object, text: str) -> None:
    assert callable(action)
    answer = apart(action, 10)
    assert (answer.ok, answer.text) == (False, text)


def test_it_is_killed_with_its_children(tmp_path: Path) -> None:
    def action() -> str:
        child = os.fork()
        (tmp_path / str(child or os.getpid())).touch()
        time.sleep(60)
        return "never"

    began = time.monotonic()
    answer = apart(action, 0.5)
    assert (answer.ok, answer.text) == (False, "it did not end within 0 s")
    assert time.monotonic() - began < 10
    deadline = time.monotonic() + 5
    for path in tmp_path.iterdir():
        while _runs(path.name):
            assert time.monotonic() < deadline, "a child of the child is left"
            time.sleep(0.01)


def _runs(pid: str) -> bool:
    try:
        return ") Z " not in Path("/proc", pid, "stat").read_text()
    except OSError:
        return False


def test_a_child_of_it_that_stays_does_not_hold_up_the_answer() -> None:
    def action() -> str:
        if os.fork() == 0:
            os.setsid()
            time.sleep(3)
            os._exit(0)
        return "done"

    began = time.monotonic()
    assert apart(action, 10).text == "done"
    assert time.monotonic() - began < 2
