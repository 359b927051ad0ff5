"""Trials: what a child tells of what it tried."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ci_builder.errors import ExecutorError
from ci_builder.executors.trial import Trial, refusal


def _fails() -> None:
    raise ExecutorError("it does not work here")


def _exits() -> None:
    os._exit(3)


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def test_what_works_is_not_refused() -> None:
    assert refusal(lambda: None) == ""
    trial = Trial(lambda: "but")
    assert (trial.refusal(), trial.remark()) == ("", "but")


def test_a_failure_is_told_as_often_as_it_is_asked_for() -> None:
    trial = Trial(_fails)
    assert [trial.refusal(), trial.refusal()] == ["it does not work here"] * 2
    trial.rest()


def test_one_that_ends_without_a_word() -> None:
    assert refusal(_exits) == "the trial ended with 3"


def test_it_happens_meanwhile_and_leaves_no_child() -> None:
    before = _children()
    read, write = os.pipe()
    trial = Trial(lambda: None if os.read(read, 1) else _fails())
    os.write(write, b"x")
    assert trial.refusal() == ""
    assert _children() == before
    os.close(read)
    os.close(write)
