"""ONBUILD: instructions for who builds on the image, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import ALL, NONE, Image, Refusal, Refuse, Workbench, agree, plain
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_PARENT = """\
FROM busybox AS parent
ENV own=parent
ONBUILD COPY a /triggered/
ONBUILD ENV seen=$own
onbuild run echo "$own $seen" > /ran && cat /triggered/a >> /ran
ONBUILD RUN <<EOF
echo one > /heredoc
echo two >> /heredoc
EOF
"""


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="onbuild",
        dockerfile=f"""\
{_PARENT}ONBUILD COPY --from=other /b /from-other
FROM busybox AS other
COPY a /b
FROM parent
ENV after=$seen
ONBUILD USER worker
ONBUILD WORKDIR  /x  y
COPY a /after
""",
        context={"a": "a\n"},
    )


def test_triggers_come_before_everything_else(ran: Image) -> None:
    assert [line.split(" # ")[0] for line, _ in ran.history] == [
        "ENV own=parent",
        "COPY a /triggered/",
        "ENV seen=parent",
        'RUN /bin/sh -c echo "$own $seen" > /ran && cat /triggered/a >> /ran',
        "RUN /bin/sh -c echo one > /heredoc\necho two >> /heredoc\n",
        "COPY /b /from-other",
        "ENV after=parent",
        "COPY a /after",
    ]


def test_what_commands_made(ran: Image) -> None:
    assert ran.read("ran") == "parent parent\na\n"
    assert ran.read("heredoc") == "one\ntwo\n"


def test_what_was_copied(image: Image) -> None:
    for path in ("triggered/a", "from-other", "after"):
        assert image.files[path] == plain("a\n")


def test_the_image_has_its_own_only(image: Image) -> None:
    """As they are written; there is no line of the history for them."""
    assert image.config["OnBuild"] == ["USER worker", "WORKDIR  /x  y"]
    assert image.said("ONBUILD", "USER", "WORKDIR") == []
    assert "User" not in image.config


def test_the_parent_does_nothing_itself(workbench: Workbench) -> None:
    image = workbench.image(NONE, Case(name="parent", dockerfile=_PARENT, context={"a": "a"}))
    assert image.files == {}
    assert image.config["OnBuild"] == ["COPY a /triggered/", "ENV seen=$own"]


def test_a_grandchild_does_nothing(workbench: Workbench) -> None:
    text = "FROM busybox AS a\nONBUILD COPY Dockerfile /x\nFROM a AS b\nFROM b\nENV c=d\n"
    image = workbench.image(NONE, Case(name="grandchild", dockerfile=text))
    assert image.history == [("COPY Dockerfile /x # buildkit", True), ("ENV c=d", False)]


@pytest.mark.parametrize("executor", ALL)
def test_triggers_of_an_image(workbench: Workbench, executor: str) -> None:
    parent = Case(name="parent", dockerfile=_PARENT, context={"a": "a"})
    # Triggers are only written down here: who makes the parent does not matter.
    made = workbench.outcome("namespace" if executor != NONE else NONE, parent)
    assert made.built.code == 0, made.built.text
    child = Case(
        name="child",
        dockerfile="FROM above\nCOPY a /after\n",
        context={"a": "a\n"},
        options=(f"--build-context=above=oci-layout://{{jobs}}/{made.layout.parent.parent.name}/out/image",),
    )
    image = workbench.image(executor, child)
    assert image.files["triggered/a"] == plain("a\n")
    assert "OnBuild" not in image.config
    if executor != NONE:
        assert image.read("ran") == "parent parent\na\n"
        assert image.read("heredoc") == "one\ntwo\n"


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch\nONBUILD\n", Refusal(2, "ONBUILD requires at least one argument")),
        ("FROM scratch\nONBUILD FROM x\n", Refusal(2, "FROM isn't allowed as an ONBUILD trigger")),
        (
            "FROM scratch\nONBUILD maintainer x\n",
            Refusal(2, "MAINTAINER isn't allowed as an ONBUILD trigger"),
        ),
        (
            "FROM scratch\nONBUILD ONBUILD ENV a=b\n",
            Refusal(2, "chaining ONBUILD via ONBUILD ONBUILD isn't allowed"),
        ),
        ("FROM scratch\nONBUILD RUNN x\n", Refusal(2, "unknown instruction: RUNN", "did you mean RUN?")),
        ("FROM scratch\nONBUILD --x ENV a=b\n", Refusal(2, "unknown flag --x for ONBUILD")),
        (
            "FROM scratch AS a\nONBUILD ENV\nFROM a\n",
            Refusal(3, "ENV requires at least one argument"),
        ),
    ],
)
def test_bad_forms(refuse: Refuse, text: str, expected: Refusal) -> None:
    assert refuse(text) == expected
