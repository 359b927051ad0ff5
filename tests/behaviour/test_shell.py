"""SHELL: what the shell form of later instructions is run by, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="shell",
        dockerfile="""\
FROM busybox AS below
RUN echo "$0 $-" > /default
SHELL ["/bin/ash", "-u", "-c"]
RUN echo "$0 $-" > /other
FROM below
RUN echo "$0 $-" > /inherited; (echo $missing) || echo refused >> /inherited
RUN ["/bin/busybox", "sh", "-c", "echo exec $- > /exec"]
SHELL ["/bin/sh", "-c", "echo \\"$0\\" $HOME \\"$@\\" > /words", "zero"]
RUN what  is "written"
CMD by it
ENTRYPOINT by it, too
COPY Dockerfile /
""",
    )


def test_the_default(ran: Image) -> None:
    assert ran.read("default").startswith("/bin/sh")


def test_it_holds_from_there_on_and_in_later_stages(ran: Image) -> None:
    assert ran.read("other") == "/bin/ash uc\n"
    assert ran.read("inherited") == "/bin/ash uc\nrefused\n"


def test_the_exec_form_has_no_shell(ran: Image) -> None:
    assert ran.read("exec") == "exec c\n"


def test_the_text_is_the_last_argument(ran: Image) -> None:
    assert ran.read("words") == 'zero /root what  is "written"\n'


def test_the_configuration(image: Image) -> None:
    words = ["/bin/sh", "-c", 'echo "$0" $HOME "$@" > /words', "zero"]
    assert image.config["Shell"] == words
    assert image.config["Cmd"] == [*words, "by it"]
    assert image.config["Entrypoint"] == [*words, "by it, too"]


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("SHELL") == [
        ("SHELL [/bin/ash -u -c]", False),
        ('SHELL [/bin/sh -c echo "$0" $HOME "$@" > /words zero]', False),
    ]


def test_without_one_there_is_none(workbench: Workbench) -> None:
    assert "Shell" not in workbench.image(NONE, Case(name="no-shell", dockerfile="FROM busybox\n")).config


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("SHELL", "SHELL requires at least one argument", ""),
        ("SHELL []", "SHELL requires at least one argument", ""),
        (
            "SHELL /bin/sh -c",
            "SHELL requires the arguments to be in JSON form",
            'write for example SHELL ["/bin/sh", "-c"]',
        ),
        (
            "SHELL ['/bin/sh', '-c']",
            "SHELL requires the arguments to be in JSON form",
            'write for example SHELL ["/bin/sh", "-c"]',
        ),
        ("SHELL [1]", "when using JSON array syntax, arrays must be comprised of strings only", ""),
        ('SHELL --login ["/bin/sh"]', "unknown flag --login for SHELL", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
