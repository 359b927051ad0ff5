"""Plans: what is needed and what names mean. More of it is in tests/golden/plan."""

from __future__ import annotations

import pytest

from ci_builder.build.origins import FromContext, FromImage, FromStage, Scratch
from ci_builder.build.plan import Plan, PlanOptions, plan
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.errors import DockerfileError, Unsupported, UsageError
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.span import Source

_AMD64 = Platform("linux", "amd64")
_ARM64 = Platform("linux", "arm64")


def _plan(text: str, **options: object) -> Plan:
    chosen = {"target_platform": _AMD64, "build_platform": _AMD64, **options}
    return plan(parse(Source("Dockerfile", text)), PlanOptions(**chosen))  # type: ignore[arg-type]


_STAGES = (
    "FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two /x /x\nFROM three AS four\nFROM c\n"
)


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        ("", [4]),
        ("one", [0]),
        ("TWO", [1]),
        ("three", [0, 1, 2]),
        ("four", [0, 1, 2, 3]),
        ("4", [4]),
        ("1", [1]),
    ],
)
def test_only_what_the_target_needs(target: str, needed: list[int]) -> None:
    made = _plan(_STAGES, target=target)
    assert [stage.index for stage in made.stages] == needed
    assert made.target.index == needed[-1]
    for stage in made.stages:
        assert all(need < stage.index for need in stage.needs)


def test_several_targets() -> None:
    made = _plan(_STAGES, target="three", others=("1", "", "one"))
    assert [stage.index for stage in made.stages] == [0, 1, 2, 4]
    assert made.targets == (2, 1, 4, 0)
    assert made.target.index == 2
    assert [made.is_needed(index) for index in (0, 1, 2, 4)] == [True, True, False, False]
    with pytest.raises(UsageError, match="'nope' could not be found"):
        _plan(_STAGES, others=("nope",))


@pytest.mark.parametrize("target", ["nope", "5", "-1", "99999999999", "on"])
def test_an_unknown_target_lists_the_targets(target: str) -> None:
    with pytest.raises(UsageError, match=r"the targets are: one, two, three, four"):
        _plan(_STAGES, target=target)


def test_what_names_mean() -> None:
    made = _plan(
        "FROM scratch AS s\nFROM s AS t\nCOPY --from=0 /a /a\nCOPY --from=img:1 /a /a\n"
        "COPY --from=ctx /a /a\nCOPY --from=scratch /a /a\n",
        contexts=("ctx",),
    )
    assert made.stages[0].base == Scratch()
    last = made.target
    assert last.base == FromStage(0)
    assert last.origin("0") == FromStage(0)
    assert last.origin("img:1") == FromImage(Reference.parse("img:1"))
    assert last.origin("ctx") == FromContext("ctx")
    assert last.origin("scratch") == Scratch()
    assert made.sources == (FromImage(Reference.parse("img:1")), FromContext("ctx"))


@pytest.mark.parametrize(
    ("context", "base"),
    [
        ("alpine", "alpine:latest"),
        ("alpine:latest", "alpine"),
        ("docker.io/library/alpine", "alpine"),
        ("example.com/x:1", "example.com/x:1"),
    ],
)
def test_a_named_context_takes_the_place_of_an_image(context: str, base: str) -> None:
    assert _plan(f"FROM {base}\n", contexts=(context,)).target.base == FromContext(context)


def test_a_named_context_takes_the_place_of_a_stage() -> None:
    made = _plan("FROM a AS one\nRUN never\nFROM one\nCOPY --from=0 /a /a\n", contexts=("one",))
    assert [stage.index for stage in made.stages] == [1]
    assert made.target.base == FromContext("one")
    assert made.target.origin("0") == FromContext("one")
    alone = _plan("FROM a AS one\nRUN never\n", contexts=("one",)).target
    assert (alone.base, alone.instructions) == (FromContext("one"), ())


def test_scratch_and_context_are_no_names_of_contexts() -> None:
    assert _plan("FROM scratch\n", contexts=("scratch", "context")).target.base == Scratch()


def test_a_stage_may_be_called_scratch() -> None:
    assert _plan("FROM a AS scratch\nFROM scratch\n").target.base == FromStage(0)


def test_args_in_from() -> None:
    text = "ARG NAME=app\nARG REF=$NAME:${TAG:-1}\nARG TAG=2\nFROM --platform=$BUILDPLATFORM $REF\n"
    made = _plan(text, build_args=(("NAME", "other"), ("TAG", "3")), build_platform=_ARM64)
    assert made.target.base == FromImage(Reference.parse("other:1"))
    assert made.target.platform == _ARM64
    assert dict(made.settings.global_args)["TARGETPLATFORM"] == "linux/amd64"
    assert dict(made.settings.global_args)["TAG"] == "3"


def test_platform_args_can_be_given() -> None:
    made = _plan("FROM a:$TARGETARCH\n", build_args=(("TARGETARCH", "mine"),))
    assert made.target.base == FromImage(Reference.parse("a:mine"))


def test_triggers_of_an_image_bring_their_own_needs() -> None:
    text = "FROM a AS tools\nFROM image\nRUN own\n"
    assert [stage.index for stage in _plan(text).stages] == [1]
    made = _plan(text, onbuild={1: ("COPY --from=tools /a /a", "RUN x")})
    assert [stage.index for stage in made.stages] == [0, 1]
    assert [item.line.text for item in made.target.instructions] == [
        "COPY --from=tools /a /a",
        "RUN x",
        "RUN own",
    ]


def test_triggers_of_a_stage_run_in_the_next_only() -> None:
    made = _plan("FROM a AS one\nONBUILD RUN x\nFROM one AS two\nFROM two\n")
    assert [len(stage.instructions) for stage in made.stages] == [1, 1, 0]


def test_an_unneeded_stage_may_copy_from_a_later_one_but_not_be_blank() -> None:
    assert _plan("FROM a AS one\nCOPY --from=two /a /a\nFROM b AS two\n").target.index == 1
    with pytest.raises(DockerfileError, match=r"should not be blank"):
        _plan("FROM $X AS one\nFROM b\n")


def test_unused_build_args_are_told() -> None:
    given = (
        ("A", "1"),
        ("B", "1"),
        ("http_proxy", ""),
        ("HTTP_PROXY", "x"),
        ("TYPO", "1"),
        ("TARGETOS", "x"),
    )
    made = _plan("ARG A\nFROM a\nARG B\n", build_args=given)
    assert made.unused_args == ("TYPO",)


def test_another_frontend_by_build_arg() -> None:
    _plan("FROM a\n", build_args=(("BUILDKIT_SYNTAX", "docker/dockerfile:1"),))
    with pytest.raises(Unsupported, match=r"evil/frontend"):
        _plan("FROM a\n", build_args=(("BUILDKIT_SYNTAX", "evil/frontend"),))


def test_many_stages_are_no_trouble() -> None:
    text = "FROM a AS s0\n" + "".join(f"FROM s{number} AS s{number + 1}\n" for number in range(3000))
    assert len(_plan(text).stages) == 3001
