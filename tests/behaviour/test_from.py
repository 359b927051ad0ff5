"""FROM: what a stage begins with, and which stages are built, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import ALL, NONE, Image, Refusal, Refuse, Workbench, agree, plain
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STAGES = """\
ARG image=busybox
ARG tag
FROM ${image}${tag:+:$tag} AS Tools
ENV below=yes
COPY a /made/
RUN echo run >> /ran
FROM scratch AS empty
COPY a /from-scratch
FROM busybox AS not-needed
RUN exit 1
FROM --platform=$TARGETPLATFORM tools AS last
COPY --from=0 /made/a /by-number
COPY --from=TOOLS /made/a /by-name
COPY --from=empty / /
RUN cat /ran > /again && echo $below >> /again
"""


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(name="from", dockerfile=_STAGES, context={"a": "a"})


def test_a_stage_begins_with_another_one(ran: Image) -> None:
    assert ran.read("again") == "run\nyes\n"


def test_stages_are_found_by_number_and_by_name_in_any_case(image: Image) -> None:
    for path in ("made/a", "by-number", "by-name", "from-scratch"):
        assert image.files[path] == plain("a")


def test_the_configuration_is_the_base_s_and_the_stage_s(image: Image) -> None:
    assert image.config == {"Env": [_PATH, "below=yes"], "Cmd": ["sh"]}


def test_the_history_is_of_all_the_stages_below(image: Image) -> None:
    history = [item for item in image.history if not item[0].startswith("RUN")]
    assert history == [
        ("ENV below=yes", False),
        ("COPY a /made/ # buildkit", True),
        ("COPY /made/a /by-number # buildkit", True),
        ("COPY /made/a /by-name # buildkit", True),
        ("COPY / / # buildkit", True),
    ]


def test_what_is_not_needed_is_not_built(image: Image) -> None:
    assert "exit 1" not in image.text


@pytest.mark.parametrize("executor", ALL)
def test_scratch_has_nothing(workbench: Workbench, executor: str) -> None:
    case = Case(name="scratch", dockerfile=_STAGES, context={"a": "a"}, options=("--target=empty",))
    image = workbench.image(executor, case)
    assert image.config == {"Env": [_PATH], "WorkingDir": "/"}
    assert len(image.whole["rootfs"]["diff_ids"]) == 1
    assert [item["created_by"] for item in image.whole["history"]] == ["COPY a /from-scratch # buildkit"]


@pytest.mark.parametrize("target", ["tools", "TOOLS", "0"])
def test_a_target(workbench: Workbench, target: str) -> None:
    case = Case(name="target", dockerfile=_STAGES, context={"a": "a"}, options=(f"--target={target}",))
    assert "by-name" not in workbench.image(NONE, case).files


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("FROM busybox AS one\n", ("--target=two",), "two"),
        ("FROM --platform=linux/s390x busybox\nCOPY Dockerfile /\n", (), "linux/s390x"),
    ],
)
def test_what_is_not_there(workbench: Workbench, text: str, options: tuple[str, ...], said: str) -> None:
    built = workbench.build(NONE, Case(name="gone", dockerfile=text, options=options))
    assert built.code != 0
    assert said in built.text
    assert "Traceback" not in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM\n", Refusal(1, "FROM requires either one or three arguments", "write FROM image AS name")),
        (
            "FROM scratch b\n",
            Refusal(1, "FROM requires either one or three arguments", "write FROM image AS name"),
        ),
        (
            "FROM scratch to b\n",
            Refusal(1, "FROM requires either one or three arguments", "write FROM image AS name"),
        ),
        (
            "FROM scratch AS 1st\n",
            Refusal(
                1,
                "invalid name for build stage: '1st'",
                "it begins with a letter, then letters, digits, - _ and . may follow",
            ),
        ),
        (
            "FROM --platfrom=x scratch\n",
            Refusal(1, "unknown flag --platfrom for FROM", "did you mean --platform?"),
        ),
        (
            "FROM --platform scratch\n",
            Refusal(1, "the flag --platform of FROM needs a value", "write --platform=value"),
        ),
        (
            "FROM --platform=linux/vax scratch\n",
            Refusal(1, "--platform=linux/vax: invalid platform 'linux/vax': unknown architecture 'vax'"),
        ),
        (
            "ARG base\nFROM $bse\n",
            Refusal(2, "base name ($bse) should not be blank", "declare it above the first FROM: ARG bse=…"),
        ),
        (
            "FROM Base/Image\n",
            Refusal(
                1,
                "invalid image reference 'Base/Image': 'Image' is not allowed in a name",
                "repository names are lower case",
            ),
        ),
        (
            "ENV a=b\nFROM scratch\n",
            Refusal(1, "ENV comes before the first FROM", "only ARG may stand there"),
        ),
        ("ARG a\n", Refusal(1, "there is no FROM in this file, so nothing to build")),
        ("FORM scratch\n", Refusal(1, "unknown instruction: FORM", "did you mean FROM?")),
    ],
)
def test_bad_forms(refuse: Refuse, text: str, expected: Refusal) -> None:
    assert refuse(text) == expected
