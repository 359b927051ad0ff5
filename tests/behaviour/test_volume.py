"""VOLUME: what the configuration says, and that later changes below it stay, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import Image, Refusal, Refuse, agree, plain
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="volume",
        dockerfile="""\
FROM busybox AS below
VOLUME /inherited
FROM below
ENV v=/variable
VOLUME /data /other
VOLUME ["/with space", "/json/$v"]
VOLUME $v
VOLUME ["/nojson",]
VOLUME /data
COPY --chown=5:6 a /data/copied
RUN echo ran > /data/ran && chown 7:8 /data/ran && mkdir /other && echo x > /other/x
RUN rm /data/copied && test -f /data/ran && echo y >> /other/x
COPY a /data/again
""",
        context={"a": "a"},
    )


def test_the_configuration(image: Image) -> None:
    """The last but one is no JSON array, so words (docs/dockerfile.md, Parser)."""
    names = (
        "/inherited",
        "/data",
        "/other",
        "/with space",
        "/json//variable",
        "/variable",
        "[/nojson,]",
    )
    assert image.config["Volumes"] == {name: {} for name in names}


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("VOLUME") == [
        ("VOLUME [/inherited]", False),
        ("VOLUME [/data /other]", False),
        ("VOLUME [/with space /json//variable]", False),
        ("VOLUME [/variable]", False),
        ("VOLUME [[/nojson,]]", False),
        ("VOLUME [/data]", False),
    ]


def test_no_folder_is_made(image: Image) -> None:
    assert not {"variable", "with space", "inherited", "json"} & image.files.keys()


def test_later_copies_are_kept(image: Image) -> None:
    assert image.layer_of("COPY --chown=5:6 a")["data/copied"] == plain("a", uid=5, gid=6)
    assert image.files["data/again"] == plain("a")


def test_later_commands_are_kept(ran: Image) -> None:
    """BuildKit keeps what docker's classic builder threw away."""
    assert ran.files["data/ran"] == plain("ran\n", uid=7, gid=8)
    assert ran.read("other/x") == "x\ny\n"
    assert "data/copied" not in ran.files
    assert "data/.wh.copied" in ran.layers[2]


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("VOLUME", "VOLUME requires at least one argument"),
        ("VOLUME []", "VOLUME requires at least one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ('VOLUME ["/a", " "]', "VOLUME specified can not be an empty string"),
        ("VOLUME $missing", "VOLUME specified can not be an empty string"),
        ('VOLUME ["/a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"),
        ("VOLUME --size=1 /a", "unknown flag --size for VOLUME"),
        ("VOLUME ${a", "'${a': a closing } is missing"),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message)
