"""MAINTAINER: the author of the image, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="maintainer",
        dockerfile="""\
FROM busybox AS below
MAINTAINER Somebody Else
FROM below
ENV name=nobody
MAINTAINER $name "O'Brien"  <one@example.com>
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_author_as_it_is_written(image: Image) -> None:
    """It is no instruction that expands variables (docs/dockerfile.md, Words)."""
    assert image.whole["author"] == '$name "O\'Brien"  <one@example.com>'


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("MAINTAINER") == [
        ("MAINTAINER Somebody Else", False),
        ('MAINTAINER $name "O\'Brien"  <one@example.com>', False),
    ]


def test_it_is_deprecated(image: Image) -> None:
    assert "Dockerfile:5: MaintainerDeprecated" in image.text


def test_a_stage_inherits_it(workbench: Workbench) -> None:
    text = "FROM busybox AS below\nMAINTAINER me\nFROM below\nCOPY Dockerfile /\n"
    assert workbench.image(NONE, Case(name="inherits", dockerfile=text)).whole["author"] == "me"


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("MAINTAINER", "MAINTAINER requires exactly one argument"),
        ("MAINTAINER --email=x me", "unknown flag --email for MAINTAINER"),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message)
