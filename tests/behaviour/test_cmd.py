"""CMD: what a container runs by default, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="cmd",
        dockerfile="""\
FROM busybox
ENV who=me
CMD echo $who  "as it is" \\
    # no part of it
    && true
CMD ['single', "quotes"]
CMD ["trailing", "comma",]
CMD ["an", "array"] and more
CMD []
SHELL ["/bin/ash", "-e", "-c"]
CMD other shell
CMD ["echo", "$who", "a \\"b\\" \\u00e9", ""]
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_last_one_counts(image: Image) -> None:
    assert image.config["Cmd"] == ["echo", "$who", 'a "b" é', ""]
    assert "Entrypoint" not in image.config


def test_every_form_is_in_the_history_without_a_layer(image: Image) -> None:
    """The shell form goes to the shell as it is written; what is no JSON array is in shell form."""
    assert image.said("CMD") == [
        ('CMD ["/bin/sh" "-c" "echo $who  \\"as it is\\"     && true"]', False),
        ('CMD ["/bin/sh" "-c" "[\'single\', \\"quotes\\"]"]', False),
        ('CMD ["/bin/sh" "-c" "[\\"trailing\\", \\"comma\\",]"]', False),
        ('CMD ["/bin/sh" "-c" "[\\"an\\", \\"array\\"] and more"]', False),
        ("CMD []", False),
        ('CMD ["/bin/ash" "-e" "-c" "other shell"]', False),
        ('CMD ["echo" "$who" "a \\"b\\" é" ""]', False),
    ]


def test_forms_that_are_likely_mistakes_are_said(image: Image) -> None:
    assert "JSONArgsRecommended" in image.text
    assert "MultipleInstructionsDisallowed" in image.text


def test_the_shell_form_is_a_shell_s_argument(workbench: Workbench) -> None:
    image = workbench.image(NONE, Case(name="shell-form", dockerfile="FROM busybox\nCMD  a  $b \n"))
    assert image.config["Cmd"] == ["/bin/sh", "-c", "a  $b"]


def test_without_one_the_base_s_stays(workbench: Workbench) -> None:
    image = workbench.image(NONE, Case(name="base", dockerfile="FROM busybox\nENV a=b\n"))
    assert image.config["Cmd"] == ["sh"]


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("CMD", "CMD requires at least one argument", "[] stands for none"),
        ('CMD ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only", ""),
        ("CMD --shell=x a", "unknown flag --shell for CMD", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
