"""ENTRYPOINT: what a container runs, and what becomes of an inherited CMD, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="entrypoint",
        dockerfile="""\
FROM busybox
ENTRYPOINT exec top -b
ENTRYPOINT [top -b]
ENTRYPOINT []
SHELL ["/bin/ash", "-c"]
ENTRYPOINT top
ENTRYPOINT ["/bin/echo", "$HOME"]
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_last_one_counts_and_the_base_s_cmd_goes(image: Image) -> None:
    """Dockerfile reference, "Understand how CMD and ENTRYPOINT interact"."""
    assert image.config["Entrypoint"] == ["/bin/echo", "$HOME"]
    assert "Cmd" not in image.config


def test_every_form_is_in_the_history_without_a_layer(image: Image) -> None:
    assert image.said("ENTRYPOINT") == [
        ('ENTRYPOINT ["/bin/sh" "-c" "exec top -b"]', False),
        ('ENTRYPOINT ["/bin/sh" "-c" "[top -b]"]', False),
        ("ENTRYPOINT []", False),
        ('ENTRYPOINT ["/bin/ash" "-c" "top"]', False),
        ('ENTRYPOINT ["/bin/echo" "$HOME"]', False),
    ]


@pytest.mark.parametrize(
    ("text", "entrypoint", "cmd"),
    [
        ('FROM busybox\nCMD ["own"]\nENTRYPOINT ["e"]\n', ["e"], ["own"]),
        ('FROM busybox\nENTRYPOINT ["e"]\nCMD ["own"]\n', ["e"], ["own"]),
        ('FROM busybox AS a\nCMD ["below"]\nFROM a\nENTRYPOINT ["e"]\n', ["e"], None),
        ('FROM busybox AS a\nENTRYPOINT ["below"]\nFROM a\nCMD ["c"]\n', ["below"], ["c"]),
        ('FROM busybox AS a\nENTRYPOINT ["below"]\nFROM a\nENTRYPOINT []\n', None, None),
        ("FROM busybox\nENTRYPOINT  a  $b \n", ["/bin/sh", "-c", "a  $b"], None),
    ],
)
def test_with_cmd(
    workbench: Workbench, text: str, entrypoint: list[str] | None, cmd: list[str] | None
) -> None:
    config = workbench.image(NONE, Case(name="with-cmd", dockerfile=text)).config
    assert (config.get("Entrypoint"), config.get("Cmd")) == (entrypoint, cmd)


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("ENTRYPOINT", "ENTRYPOINT requires at least one argument", "[] stands for none"),
        (
            'ENTRYPOINT ["a", null]',
            "when using JSON array syntax, arrays must be comprised of strings only",
            "",
        ),
        ("ENTRYPOINT --exec a", "unknown flag --exec for ENTRYPOINT", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
