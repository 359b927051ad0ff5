"""USER: whose the commands of RUN are and what is made for whom, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import RUNNING, Image, Refusal, Refuse, Workbench, agree, folder, plain
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_SHOW = "echo $(id -u) $(id -g) $(id -G) $HOME > /tmp"


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="user",
        dockerfile=f"""\
FROM busybox AS below
RUN {_SHOW}/default
USER worker
RUN {_SHOW}/name
FROM below
RUN {_SHOW}/inherited && touch /home/worker/mine && (touch /x 2>/dev/null || echo refused > /tmp/refused)
COPY a /copied/
WORKDIR /made
USER 1001
RUN {_SHOW}/number
USER 4321
RUN {_SHOW}/nobody
USER worker:daemon
RUN {_SHOW}/group
USER 5:6
RUN {_SHOW}/numbers
ENV user=other group=50
USER $user:${{group}}
RUN {_SHOW}/variables
USER root
RUN {_SHOW}/root && chown 1001:100 /tmp/root && touch /as-root
USER "other"
""",
        context={"a": "a"},
    )


@pytest.mark.parametrize(
    ("name", "uid", "gid", "groups", "home"),
    [
        ("default", 0, 0, {0}, "/root"),
        ("name", 1000, 1000, {1000, 100, 50}, "/home/worker"),
        ("inherited", 1000, 1000, {1000, 100, 50}, "/home/worker"),
        ("number", 1001, 100, {100, 50}, "/home/other"),
        ("nobody", 4321, 0, {0}, "/"),
        ("group", 1000, 1, {1}, "/home/worker"),
        ("numbers", 5, 6, {6}, "/"),
        ("variables", 1001, 50, {50}, "/home/other"),
        ("root", 0, 0, {0}, "/root"),
    ],
)
def test_who_a_command_is(ran: Image, name: str, uid: int, gid: int, groups: set[int], home: str) -> None:
    """Dockerfile reference, "USER": a group that is given is the only one, a user that /etc/passwd does not
    know has the root group."""
    words = ran.read(f"tmp/{name}").split()
    assert (int(words[0]), int(words[1]), set(map(int, words[2:-1])), words[-1]) == (uid, gid, groups, home)


def test_owners_of_what_commands_make(ran: Image) -> None:
    assert ran.files["home/worker/mine"] == plain("", uid=1000, gid=1000)
    assert (ran.files["tmp/nobody"].uid, ran.files["tmp/nobody"].gid) == (4321, 0)
    assert (ran.files["tmp/group"].uid, ran.files["tmp/group"].gid) == (1000, 1)
    assert (ran.files["tmp/root"].uid, ran.files["tmp/root"].gid) == (1001, 100)
    assert ran.files["as-root"] == plain("")


def test_a_user_may_not_do_what_root_may(ran: Image) -> None:
    assert ran.read("tmp/refused") == "refused\n"
    assert "x" not in ran.files


def test_copies_are_root_s_and_working_directories_the_user_s(image: Image) -> None:
    assert image.files["copied"] == folder()
    assert image.files["copied/a"] == plain("a")
    assert image.files["made"] == folder(uid=1000, gid=1000)


def test_the_configuration_has_the_last_one(image: Image) -> None:
    assert image.config["User"] == "other"


def test_the_history_has_no_layer(image: Image) -> None:
    names = ["worker", "1001", "4321", "worker:daemon", "5:6", "other:50", "root", "other"]
    assert image.said("USER") == [(f"USER {name}", False) for name in names]


@pytest.mark.parametrize("executor", RUNNING)
@pytest.mark.parametrize("user", ["nobodyhere", "root:nogrouphere"])
def test_one_that_is_not_in_the_image(workbench: Workbench, executor: str, user: str) -> None:
    built = workbench.build(executor, Case(name="no", dockerfile=f"FROM busybox\nUSER {user}\nRUN true\n"))
    assert built.code == 1
    assert "Dockerfile:3" in built.text
    assert user.rpartition(":")[2] in built.text
    assert "/etc/" in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("USER", "USER requires exactly one argument"),
        ("USER ${a", "'${a': a closing } is missing"),
        ("USER --group=x a", "unknown flag --group for USER"),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message)
