"""ENV: what later instructions, commands and the image get, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import Image, Refusal, Refuse, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="env",
        dockerfile="""\
FROM busybox
ENV one=1 two="two words" three=three\\ words four='$one' five="$one" empty= six=a"b"'c'
ENV old the rest,  "as it is"
ENV one=changed before=$one
ENV deep=${missing:-${one}} set=${one:+yes} unset=${missing:+yes} cut="${two#* }" PATH=$PATH:/opt/bin
ENV \\
    # a comment between
    long=1 \\
    longer=2
RUN echo "$one|$two|$three|$four|$five|$empty|$six|$old|$before|$deep|$set|$unset|$cut" > /values
RUN env | sort | grep -v -e ^HOME= -e ^PWD= -e ^SHLVL= -e ^HOSTNAME= > /env
COPY Dockerfile /$before/$cut
""",
    )


_CONFIG = [
    f"{_PATH}:/opt/bin",
    "one=changed",
    "two=two words",
    "three=three words",
    "four=$one",
    "five=",
    "empty=",
    "six=abc",
    "old=the rest,  as it is",
    "before=1",
    "deep=changed",
    "set=yes",
    "unset=",
    "cut=words",
    "long=1",
    "longer=2",
]


def test_the_configuration_keeps_the_order_of_first_definitions(image: Image) -> None:
    """A later value takes the place of the earlier one (config.md: Env; BuildKit's dispatchEnv)."""
    assert image.config["Env"] == _CONFIG


def test_a_command_gets_them_all_and_nothing_else(ran: Image) -> None:
    assert ran.read("env").splitlines() == sorted(_CONFIG)
    assert ran.read("values") == (
        "changed|two words|three words|$one|||abc|the rest,  as it is|1|changed|yes||words\n"
    )


def test_other_instructions_see_them(image: Image) -> None:
    assert "1/words" in image.files


def test_the_history_has_the_values_and_no_layer(image: Image) -> None:
    assert image.said("ENV") == [
        ("ENV one=1 two=two words three=three words four=$one five= empty= six=abc", False),
        ("ENV old=the rest,  as it is", False),
        ("ENV one=changed before=1", False),
        (f"ENV deep=changed set=yes unset= cut=words {_PATH}:/opt/bin", False),
        ("ENV long=1 longer=2", False),
    ]


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("ENV", "ENV requires at least one argument", ""),
        ("ENV a", "ENV must have two arguments", "write ENV a=value"),
        (
            "ENV a=1 b",
            "there is no = in 'b'; it must be name=value",
            "put quotes around a value that has spaces",
        ),
        ("ENV =1", "ENV names can not be blank", ""),
        ('ENV a="b', "'\"b': the closing double quote is missing", ""),
        ("ENV a=${b", "'${b': a closing } is missing", ""),
        ("ENV a=${b:?missing}", "'${b:?missing}': b: missing", ""),
        ("ENV --from=x a=1", "unknown flag --from for ENV", ""),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\nENV x=1\n{line}\n") == Refusal(3, message, hint)
