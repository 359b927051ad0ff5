"""ARG: where a value comes from, who sees it and where it does not stay, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import ALL, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="arg",
        dockerfile="""\
ARG BASE=busybox
ARG GLOBAL=$BASE-global
ARG OTHER_GLOBAL=never
FROM ${BASE} AS below
ARG INHERITED=below
ARG GIVEN=default
FROM below
ARG GLOBAL
ARG NEVER
ARG ONE=1 TWO="two words" THREE=${ONE}3
ARG UNUSED="${missing:?is not looked at}"
ENV EARLIER=env LATER=env
ARG EARLIER=arg
ARG LATER
RUN echo "$GLOBAL|${NEVER-unset}|$ONE|$TWO|$THREE|$EARLIER|$LATER|$INHERITED|$GIVEN" > /values
RUN echo "${BASE-unset}|${OTHER_GLOBAL-unset}|${TARGETARCH-unset}|$http_proxy|$HTTP_PROXY|$UNUSED" > /implicit
ARG TARGETPLATFORM TARGETOS TARGETARCH BUILDPLATFORM BUILDOS BUILDARCH TARGETSTAGE
RUN echo "$TARGETPLATFORM|$TARGETOS|$TARGETARCH|$BUILDPLATFORM|$BUILDOS|$BUILDARCH|$TARGETSTAGE" > /platform
COPY Dockerfile /$ONE/$EARLIER/$GIVEN
""",
        options=(
            "--build-arg=GIVEN=given",
            "--build-arg=UNUSED=used",
            "--build-arg=http_proxy=http://user:secret@proxy.invalid",
            "--build-arg=NOBODY=asks",
        ),
    )


def test_values_in_a_command(ran: Image) -> None:
    """Dockerfile reference, "Using ARG variables" and "Scope"; the later of ARG and ENV wins."""
    assert ran.read("values") == "busybox-global|unset|1|two words|13|arg|env|below|given\n"


def test_what_is_there_without_being_declared(ran: Image) -> None:
    """Dockerfile reference, "Predefined ARGs": the proxies only; a global ARG is for FROM."""
    proxy = "http://user:secret@proxy.invalid"
    assert ran.read("implicit") == f"unset|unset|unset|{proxy}|{proxy}|used\n"


def test_the_platform(ran: Image) -> None:
    """Dockerfile reference, "Automatic platform ARGs in the global scope"."""
    architecture = ran.whole["architecture"]
    here = f"linux/{architecture}|linux|{architecture}"
    assert ran.read("platform") == f"{here}|{here}|default\n"


def test_other_instructions_see_them(image: Image) -> None:
    assert "1/arg/given" in image.files


def test_nothing_stays_in_the_configuration(image: Image) -> None:
    assert image.config["Env"] == [_PATH, "EARLIER=env", "LATER=env"]


def test_the_history_has_the_defaults_and_no_layer(image: Image) -> None:
    assert image.said("ARG") == [
        ("ARG INHERITED=below", False),
        ("ARG GIVEN=default", False),
        ("ARG GLOBAL", False),
        ("ARG NEVER", False),
        ("ARG ONE=1 TWO=two words THREE=13", False),
        ("ARG UNUSED", False),
        ("ARG EARLIER=arg", False),
        ("ARG LATER", False),
        ("ARG TARGETPLATFORM TARGETOS TARGETARCH BUILDPLATFORM BUILDOS BUILDARCH TARGETSTAGE", False),
    ]


def test_the_history_of_a_command_has_what_the_stage_declared(ran: Image) -> None:
    (line, *_) = [line for line, _ in ran.history if "/values" in line]
    declared = (
        "RUN |8 GLOBAL=busybox-global NEVER= ONE=1 TWO=two words THREE=13 UNUSED=used EARLIER=arg LATER=env "
    )
    assert line.startswith(declared)


def test_a_proxy_is_nowhere_in_the_image(image: Image) -> None:
    assert "proxy.invalid" not in str(image.whole)


def test_one_that_nothing_declares_is_said(image: Image) -> None:
    assert "NOBODY" in image.text
    assert "warning" in image.text


@pytest.mark.parametrize("executor", ALL)
def test_a_value_that_is_asked_for(workbench: Workbench, executor: str) -> None:
    case = Case(name="asked", dockerfile='FROM busybox\nARG TOKEN\nENV A="${TOKEN:?give it}"\n')
    built = workbench.build(executor, case)
    assert built.code == 1
    assert "Dockerfile:3" in built.text
    assert "TOKEN: give it" in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch\nARG\n", Refusal(2, "ARG requires at least one argument")),
        ("FROM scratch\nARG =a\n", Refusal(2, "ARG names can not be blank")),
        ("FROM scratch\nARG a=${b\n", Refusal(2, "'${b': a closing } is missing")),
        ("ARG a=${b:?gone}\nFROM scratch\n", Refusal(1, "'${b:?gone}': b: gone")),
        ("FROM scratch\nARG --default=a b\n", Refusal(2, "unknown flag --default for ARG")),
        (
            "ARG A=1\nENV a=1\nFROM scratch\n",
            Refusal(2, "ENV comes before the first FROM", "only ARG may stand there"),
        ),
    ],
)
def test_bad_forms(refuse: Refuse, text: str, expected: Refusal) -> None:
    assert refuse(text) == expected
