"""LABEL: names and values in the image, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import Image, Refusal, Refuse, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="label",
        dockerfile="""\
FROM busybox AS below
LABEL inherited=yes replaced=no
FROM below
ARG version=1.0
ENV name=tool
LABEL org.example.version=$version "with space"="a value" escaped=a\\ b empty= single='$name' two="${name}s"
LABEL replaced=yes last=first
LABEL last=second "lines"="one \\
two"
LABEL old form  "of it"
LABEL by.option=dockerfile
RUN touch /ran
COPY Dockerfile /
""",
        options=("--label=by.option=given", "--label=only.option=a=b"),
    )


def test_the_configuration(image: Image) -> None:
    assert image.config["Labels"] == {
        "inherited": "yes",
        "replaced": "yes",
        "org.example.version": "1.0",
        "with space": "a value",
        "escaped": "a b",
        "empty": "",
        "single": "$name",
        "two": "tools",
        "last": "second",
        "lines": "one two",
        "old": "form  of it",
        "by.option": "given",
        "only.option": "a=b",
    }


def test_the_history_has_no_layer_and_no_options(image: Image) -> None:
    assert image.said("LABEL") == [
        ("LABEL inherited=yes replaced=no", False),
        (
            "LABEL org.example.version=1.0 with space=a value escaped=a b empty= single=$name two=tools",
            False,
        ),
        ("LABEL replaced=yes last=first", False),
        ("LABEL last=second lines=one two", False),
        ("LABEL old=form  of it", False),
        ("LABEL by.option=dockerfile", False),
    ]


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("LABEL", "LABEL requires at least one argument", ""),
        ("LABEL a", "LABEL must have two arguments", "write LABEL a=value"),
        (
            "LABEL a=b c",
            "there is no = in 'c'; it must be name=value",
            "put quotes around a value that has spaces",
        ),
        ("LABEL =b", "LABEL names can not be blank", ""),
        ("LABEL a='b", '"\'b": the closing single quote is missing', ""),
        ("LABEL --add=a b=c", "unknown flag --add for LABEL", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
