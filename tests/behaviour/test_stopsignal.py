"""STOPSIGNAL: the configuration's signal, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="stopsignal",
        dockerfile="""\
FROM busybox AS below
ENV offset=3
STOPSIGNAL 9
STOPSIGNAL kill
STOPSIGNAL "SIGRTMIN+$offset"
FROM below
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_last_one_stays_as_it_is_written(image: Image) -> None:
    assert image.config["StopSignal"] == "SIGRTMIN+3"


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("STOPSIGNAL") == [
        ("STOPSIGNAL 9", False),
        ("STOPSIGNAL kill", False),
        ("STOPSIGNAL SIGRTMIN+3", False),
    ]


def test_without_one_there_is_none(workbench: Workbench) -> None:
    image = workbench.image(NONE, Case(name="no-signal", dockerfile="FROM busybox\n"))
    assert "StopSignal" not in image.config


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument", ""),
        ("STOPSIGNAL SIGNOPE", "invalid signal: SIGNOPE", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL 0", "invalid signal: 0", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL -9", "invalid signal: -9", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL SIGTERM SIGKILL", "invalid signal: SIGTERM SIGKILL", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL $missing", "invalid signal: ", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL SIGRTMIN+16", "invalid signal: SIGRTMIN+16", "for example SIGTERM, TERM or 15"),
        ('STOPSIGNAL ["SIGTERM"]', "invalid signal: [SIGTERM]", "for example SIGTERM, TERM or 15"),
        ("STOPSIGNAL --name=x 9", "unknown flag --name for STOPSIGNAL", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
