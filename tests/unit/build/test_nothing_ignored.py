"""The language, form by form: each is either an error or makes a difference; nothing is parsed and ignored.

The forms are those of the Dockerfile reference. A form that is an error now and is supported later passes
before and after.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_builder.build.evaluate import State, begin, evaluate
from ci_builder.build.plan import PlanOptions, plan
from ci_builder.build.special_args import keeps_git_folder, wants_inline_cache
from ci_builder.dockerfile import instructions
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.dockerfile.instructions.names import NAMES
from ci_builder.errors import CiBuilderError, DockerfileError, Unsupported, UsageError
from ci_builder.oci.config import ImageConfig
from ci_builder.oci.platform import Platform
from ci_builder.span import Source

PACKAGE = Path(__file__).parents[3] / "ci_builder"
AMD64 = Platform("linux", "amd64")
URL = "https://example.com/a"
GIT = "https://example.com/a.git"
SUM = "sha256:" + "0" * 64

FORMS: tuple[tuple[str, str, str], ...] = (
    ("RUN", "--network=none", "x"),
    ("RUN", "--network=host", "x"),
    ("RUN", "--security=insecure", "x"),
    ("RUN", "--device=vendor.example/device=all", "x"),
    ("RUN", "--mount=type=bind,target=/m", "x"),
    ("RUN", "--mount=target=/m", "x"),
    ("RUN", "--mount=type=cache,target=/m", "x"),
    ("RUN", "--mount=type=tmpfs,target=/m", "x"),
    ("RUN", "--mount=type=secret,id=s", "x"),
    ("RUN", "--mount=type=ssh", "x"),
    ("COPY", "--from=other", "a /b"),
    ("COPY", "--chown=1:2", "a /b"),
    ("COPY", "--chmod=600", "a /b"),
    ("COPY", "--chmod=u=rwX,go=rX", "a /b"),
    ("COPY", "--link", "a /b"),
    ("COPY", "--parents", "a /b/"),
    ("COPY", "--exclude=*.x", "a /b"),
    ("ADD", "--chown=1:2", "a /b"),
    ("ADD", "--chmod=600", "a /b"),
    ("ADD", "--chmod=u=rwX,go=rX", "a /b"),
    ("ADD", "--link", "a /b"),
    ("ADD", "--exclude=*.x", "a /b"),
    ("ADD", "--unpack=false", "a.tar /b"),
    ("ADD", "--unpack", f"{URL}.tar /b"),
    ("ADD", f"--checksum={SUM}", f"{URL} /b"),
    ("ADD", "--keep-git-dir", f"{GIT} /b"),
    ("HEALTHCHECK", "--interval=2s", "CMD x"),
    ("HEALTHCHECK", "--timeout=2s", "CMD x"),
    ("HEALTHCHECK", "--start-period=2s", "CMD x"),
    ("HEALTHCHECK", "--start-interval=2s", "CMD x"),
    ("HEALTHCHECK", "--retries=2", "CMD x"),
)
"""An instruction, a flag with a value that is not its default, the rest."""

MOUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "type=bind,target=/m",
        ("source=a", "src=a", "from=other", "rw", "rw=true", "readwrite", "readonly=false"),
    ),
    (
        "type=cache,target=/m",
        ("id=other", "ro", "readonly", "sharing=locked", "sharing=private", "from=other"),
    ),
    ("type=cache,target=/m", ("mode=0700", "uid=1", "gid=1", "source=a,from=other")),
    ("type=tmpfs,target=/m", ("size=1000000",)),
    ("type=secret,id=s", ("target=/x", "dst=/x", "env=X", "required", "mode=0444", "uid=1", "gid=1")),
    ("type=ssh", ("id=other", "target=/x", "required", "mode=0666", "uid=1", "gid=1")),
)
"""A mount, and options that each change it."""

WITHOUT_FLAGS = {
    "ARG": "a",
    "CMD": "a",
    "ENTRYPOINT": "a",
    "ENV": "a=b",
    "EXPOSE": "1",
    "LABEL": "a=b",
    "MAINTAINER": "a",
    "ONBUILD": "RUN a",
    "SHELL": '["a"]',
    "STOPSIGNAL": "1",
    "USER": "a",
    "VOLUME": "/a",
    "WORKDIR": "/a",
}


def meaning(line: str) -> object:
    """What an instruction does, without the text that people see. Raises CiBuilderError."""
    dockerfile = parse(Source("Dockerfile", f"FROM scratch AS other\nFROM scratch\n{line}\n"))
    made = plan(dockerfile, PlanOptions(AMD64, AMD64))
    state: State = begin(ImageConfig(AMD64), made.settings)
    actions: list[object] = []
    for instruction in made.target.instructions:
        state, step = evaluate(state, instruction)
        actions += step.actions if step else ()
    return state, actions


def outcome(line: str) -> object:
    """The meaning, or the message of the error."""
    try:
        return meaning(line)
    except CiBuilderError as error:
        return error


def fields_that_differ(line: str, other: str) -> list[str]:
    """Names of the fields of the parsed instructions."""
    one, two = (
        parse(Source("D", f"FROM scratch\n{text}\n")).stages[0].instructions[0] for text in (line, other)
    )
    names = [item.name for item in dataclasses.fields(one) if item.name != "line"]
    return [name for name in names if getattr(one, name) != getattr(two, name)]


def attributes_read() -> frozenset[str]:
    """Every name that some file reads as an attribute, but for the parsers themselves."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "instructions" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return frozenset(found)


READ = attributes_read()


def makes_a_difference(line: str, other: str) -> bool:
    """Whether it is an error, or changes what is done, or is in a field that something reads."""
    found = outcome(line)
    if isinstance(found, CiBuilderError):
        return isinstance(found, DockerfileError | Unsupported) and bool(found.message)
    if found != outcome(other):
        return True
    return any(name in READ for name in fields_that_differ(line, other))


@pytest.mark.parametrize(("name", "flag", "rest"), FORMS, ids=lambda text: text[:24])
def test_flags(name: str, flag: str, rest: str) -> None:
    assert makes_a_difference(f"{name} {flag} {rest}", f"{name} {rest}")


@pytest.mark.parametrize(
    ("mount", "option"), [(mount, option) for mount, options in MOUNTS for option in options]
)
def test_options_of_mounts(mount: str, option: str) -> None:
    assert makes_a_difference(f"RUN --mount={mount},{option} x", f"RUN --mount={mount} x")


@pytest.mark.parametrize("mount", sorted({mount for mount, _ in MOUNTS}))
def test_options_that_no_mount_has(mount: str) -> None:
    assert isinstance(outcome(f"RUN --mount={mount},bogus=1 x"), CiBuilderError)


@pytest.mark.parametrize("name", sorted({*WITHOUT_FLAGS, *(name for name, _, _ in FORMS)}))
def test_flags_that_no_instruction_has(name: str) -> None:
    rest = WITHOUT_FLAGS.get(name) or next(rest for known, _, rest in FORMS if known == name)
    assert not isinstance(outcome(f"{name} {rest}"), CiBuilderError) or GIT in rest
    for flag in ("--bogus", "--bogus=1", "--mount=1", "--from=1", "--platform=1"):
        if (name, flag) in {("RUN", "--mount=1"), ("COPY", "--from=1")}:
            continue
        found = outcome(f"{name} {flag} {rest}")
        assert isinstance(found, DockerfileError), f"{name} {flag} is accepted"
        assert flag.partition("=")[0] in str(found)


def test_the_platform_of_from() -> None:
    texts = [f"FROM {flag}scratch\n" for flag in ("", "--platform=linux/arm64 ")]
    plans = [plan(parse(Source("D", text)), PlanOptions(AMD64, AMD64)) for text in texts]
    assert [item.target.platform for item in plans] == [None, Platform("linux", "arm64")]
    with pytest.raises(DockerfileError, match="--bogus"):
        parse(Source("D", "FROM --bogus=1 scratch\n"))


def test_directives() -> None:
    with pytest.raises(Unsupported, match=r"example\.com/other"):
        parse(Source("D", "# syntax=example.com/other\nFROM a\n"))
    escaped = parse(Source("D", "# escape=`\nFROM a\nENV x=`$y\n")).stages[0].instructions[0]
    assert escaped.line.escape == "`"
    assert parse(Source("D", "# check=skip=all\nFROM a\n")).directives.check == "skip=all"
    with pytest.raises(DockerfileError, match="check option"):
        parse(Source("D", "# check=bogus=1\nFROM a\n"))


def test_all_instructions_are_walked() -> None:
    assert {*WITHOUT_FLAGS, "FROM", *(name for name, _, _ in FORMS)} == NAMES


def instruction_fields() -> Iterator[tuple[str, str]]:
    for name in instructions.__all__:
        found = getattr(instructions, name)
        if dataclasses.is_dataclass(found):
            yield from ((name, item.name) for item in dataclasses.fields(found))


def test_every_field_is_read_by_somebody() -> None:
    assert len(set(instruction_fields())) > 30
    assert [item for item in instruction_fields() if item[1] not in READ] == []


@pytest.mark.parametrize(
    "name",
    [
        "MULTI_PLATFORM",
        "SANDBOX_HOSTNAME",
        "SYNTAX",
    ],
)
def test_build_args_of_the_builder(name: str) -> None:
    dockerfile = parse(Source("D", "FROM scratch\n"))
    given = ((f"BUILDKIT_{name}", "1"),)
    with pytest.raises(Unsupported, match=f"BUILDKIT_{name}"):
        plan(dockerfile, PlanOptions(AMD64, AMD64, build_args=given))
    for value in ("", "0", "false") if name != "SYNTAX" else ("", "docker/dockerfile:1"):
        args = ((f"BUILDKIT_{name}", value),)
        assert plan(dockerfile, PlanOptions(AMD64, AMD64, build_args=args)).unused_args == ()


def test_the_walk_can_fail() -> None:
    assert not makes_a_difference("RUN --security=sandbox x", "RUN x")
    assert not makes_a_difference("COPY a /b", "COPY  a  /b")


def test_the_git_folder_of_a_context() -> None:
    name = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"
    assert [keeps_git_folder(((name, value),)) for value in ("1", "true", "", "0")] == [
        True,
        True,
        False,
        False,
    ]
    assert not keeps_git_folder(())
    with pytest.raises(UsageError, match=name):
        keeps_git_folder(((name, "yes"),))


def test_the_cache_in_the_image() -> None:
    name = "BUILDKIT_INLINE_CACHE"
    assert [wants_inline_cache(((name, value),)) for value in ("1", "true", "", "0")] == [
        True,
        True,
        False,
        False,
    ]
    assert not wants_inline_cache(())
    with pytest.raises(UsageError, match=name):
        wants_inline_cache(((name, "yes"),))
    dockerfile = parse(Source("D", "FROM scratch\n"))
    assert plan(dockerfile, PlanOptions(AMD64, AMD64, build_args=((name, "1"),))).unused_args == ()


def test_the_document_names_every_form() -> None:
    text = (PACKAGE.parent / "docs" / "dockerfile.md").read_text()
    words = [*NAMES, *(flag.partition("=")[0] for _, flag, _ in FORMS if not flag.startswith("--start"))]
    words = [word for word in words if word not in ("--interval", "--timeout", "--retries")]
    words += ["# syntax=", "# escape=", "# check="]
    assert [word for word in words if word not in text] == []
