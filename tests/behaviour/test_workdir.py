"""WORKDIR: which folder is made, whose it is, and who begins there, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import ALL, Image, Refusal, Refuse, Workbench, agree, folder, plain
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="workdir",
        dockerfile="""\
FROM busybox AS below
COPY --chown=7:8 --chmod=700 a /existing/
WORKDIR /first
FROM below
RUN pwd > /pwd
ENV name=variable
WORKDIR relative/deep
RUN pwd >> /pwd
WORKDIR ../$name
COPY a .
COPY a into/
WORKDIR /existing
WORKDIR /
RUN pwd >> /pwd && ln -s /real /link && mkdir /real
WORKDIR /a b
RUN pwd >> /pwd
USER worker:staff
WORKDIR /one/two
RUN pwd | cat - > /tmp/pwd; touch mine
USER 4000
WORKDIR /three
WORKDIR "/quoted"
WORKDIR /not/.././clean//path/
""",
        context={"a": "a"},
    )


def test_where_commands_begin(ran: Image) -> None:
    assert ran.read("pwd") == "/first\n/first/relative/deep\n/\n/a b\n"
    assert ran.read("tmp/pwd") == "/one/two\n"
    assert ran.files["one/two/mine"] == plain("", uid=1000, gid=50)


def test_where_copies_go(image: Image) -> None:
    assert image.files["first/relative/variable/a"] == plain("a")
    assert image.files["first/relative/variable/into/a"] == plain("a")


def test_folders_are_made_with_their_parents_for_the_user(image: Image) -> None:
    """Row WORKDIR of shared/reference: mode 0755, owned by USER."""
    assert image.layer_of("WORKDIR /first/relative/deep") == {
        "first": folder(),
        "first/relative": folder(),
        "first/relative/deep": folder(),
    }
    assert image.files["one"] == folder(uid=1000, gid=50)
    assert image.files["one/two"] == folder(uid=1000, gid=50)
    assert image.files["three"] == folder(uid=4000, gid=4000)
    assert image.files["a b"] == folder()


def test_what_is_there_stays_as_it_is(image: Image) -> None:
    assert image.layer_of("WORKDIR /existing") == {}
    assert image.files["existing"] == folder(uid=7, gid=8)
    assert image.files["existing/a"] == plain("a", 0o700, 7, 8)


def test_every_one_but_the_root_is_a_layer(image: Image) -> None:
    paths = ["/first", "/first/relative/deep", "/first/relative/variable", "/existing", "/", "/a b"]
    assert image.said("WORKDIR") == [
        (f"WORKDIR {path}", path != "/") for path in [*paths, "/one/two", "/three", "/quoted", "/clean/path"]
    ]


def test_the_configuration_has_the_last_one(image: Image) -> None:
    assert image.config["WorkingDir"] == "/clean/path"


@pytest.mark.parametrize("executor", ALL)
def test_a_file_in_its_place(workbench: Workbench, executor: str) -> None:
    built = workbench.build(executor, Case(name="file", dockerfile="FROM busybox\nWORKDIR /etc/motd\n"))
    assert built.code == 1
    assert "Dockerfile:2" in built.text
    assert "/etc/motd" in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("WORKDIR ${a", "'${a': a closing } is missing"),
        ("WORKDIR --mode=700 /a", "unknown flag --mode for WORKDIR"),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message)
