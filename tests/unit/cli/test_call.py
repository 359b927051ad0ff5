"""``build --check`` and ``--call``: what is printed, and the exit codes."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import git
import pytest

from ci_builder.cli.invocation import Invocation
from ci_builder.cli.main import main
from ci_builder.dockerfile.lint.descriptions import DESCRIPTIONS

BAD = "FROM scratch AS Builder\n# final is the one\nFROM builder AS final\nCOPY x /x\nCMD echo\n"
GOOD = "FROM scratch\nCOPY x /x\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "x").write_text("x")
    return folder


def run(context: Path, dockerfile: str, *words: str) -> tuple[int, str, str]:
    (context / "Dockerfile").write_text(dockerfile)
    out, said = io.BytesIO(), io.StringIO()
    environment = {"HOME": str(context.parent), "CI_BUILDER_HOME": str(context.parent / "home")}
    code = main(
        ["build", *words, str(context)], Invocation("ci-builder", environment, io.BytesIO(), out, said)
    )
    return code, out.getvalue().decode(), said.getvalue()


def built(context: Path) -> bool:
    return (context.parent / "home").exists()


@pytest.mark.parametrize("word", ["--check", "--call=check", "--call=lint"])
def test_findings_with_their_lines(context: Path, word: str) -> None:
    code, out, _ = run(context, BAD, word)
    assert code == 1
    assert "Dockerfile:1: StageNameCasing: the stage name 'Builder' is not in lower case\n" in out
    assert "https://docs.docker.com/reference/build-checks/json-args-recommended/\n" in out
    assert "    5 | >>> CMD echo\n" in out
    assert out.endswith("check: 2 findings\n")
    assert not built(context)


def test_nothing_found(context: Path) -> None:
    assert run(context, GOOD, "--check") == (0, "check: no findings\n", "")
    assert not built(context)
    code, out, _ = run(context, GOOD, "--check=false", "-q")
    assert (code, out[:7]) == (0, "sha256:")
    assert built(context)


def test_findings_as_json(context: Path) -> None:
    code, out, _ = run(context, BAD, "--call=check,format=json")
    assert code == 1
    found = json.loads(out)
    assert [item["ruleName"] for item in found["warnings"]] == ["StageNameCasing", "JSONArgsRecommended"]
    assert found["warnings"][0] == {
        "ruleName": "StageNameCasing",
        "description": "Names of stages are in lower case",
        "url": "https://docs.docker.com/reference/build-checks/stage-name-casing/",
        "detail": "the stage name 'Builder' is not in lower case",
        "location": {"sourceIndex": 0, "ranges": [{"start": {"line": 1}, "end": {"line": 1}}]},
    }
    (source,) = found["sources"]
    assert (source["fileName"], base64.b64decode(source["data"]).decode()) == ("Dockerfile", BAD)
    assert "buildError" not in found


def test_a_build_error_as_json(context: Path) -> None:
    text = "FROM scratch AS A\nCOPY --from=9 x /x\n"
    code, out, _ = run(context, text, "--call=check,format=json")
    assert code == 1
    error = json.loads(out)["buildError"]
    assert "invalid stage index 9" in error["message"]
    assert error["location"]["ranges"] == [{"start": {"line": 2}, "end": {"line": 2}}]


def test_every_rule_is_described() -> None:
    table = (Path(__file__).parents[3] / "docs/lint.md").read_text()
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", table, re.MULTILINE)) == set(DESCRIPTIONS)


def test_stages_that_the_target_does_not_need(context: Path) -> None:
    text = "FROM scratch AS one\nCMD one\nFROM scratch AS two\nCMD two\nFROM scratch\nCOPY x /x\n"
    assert run(context, text, "--check")[1].count("JSONArgsRecommended: ") == 2
    assert run(context, text, "--check", "--target=one")[1].count("JSONArgsRecommended: ") == 1
    code, _, said = run(context, text, "-q")
    assert (code, said) == (0, "")
    assert "JSONArgsRecommended" not in run(context, text)[2]


def test_a_dockerfile_that_cannot_be_planned(context: Path) -> None:
    code, out, said = run(context, "FROM scratch AS A\nCOPY --from=9 x /x\n", "--check")
    assert code == 1
    assert "StageNameCasing" in out
    assert "error: Dockerfile:2: invalid stage index 9" in said


def test_a_base_that_cannot_be_reached(context: Path) -> None:
    text = "FROM --platform=$TARGETPLATFORM localhost:1/none AS a\nENV x y\nCMD shell\n"
    code, out, said = run(context, text, "--check")
    assert code == 1
    assert "RedundantTargetPlatform: " in out
    assert "LegacyKeyValueFormat: " in out
    assert out.endswith("check: 2 findings so far\n")
    assert "error: Dockerfile:1: " in said


def test_an_instruction_that_cannot_be_evaluated(context: Path) -> None:
    code, out, said = run(context, "FROM scratch\nCOPY $foo /x\n", "--check")
    assert code == 1
    assert "Dockerfile:2: UndefinedVar: nothing sets $foo" in out
    assert "error: Dockerfile:2: a source of COPY is empty" in said


def test_a_build_tells_each_finding_once_at_its_end(context: Path) -> None:
    code, _, said = run(context, BAD)
    assert code == 0
    lines = said.splitlines()
    assert [line.split(": ")[2] for line in lines[-2:]] == ["StageNameCasing", "JSONArgsRecommended"]
    assert said.count("StageNameCasing") == 1
    code, _, said = run(context, BAD.replace("COPY x", "COPY missing"))
    assert code == 1
    assert said.count("warning: Dockerfile:1: StageNameCasing: ") == 1


def test_errors_fail_before_anything_is_done(context: Path) -> None:
    code, _, said = run(context, "# check=error=true\n" + BAD)
    assert code == 1
    assert "breaks these lint rules: JSONArgsRecommended, StageNameCasing" in said
    assert "#1" not in said
    assert not built(context)
    for words in (["BUILDKIT_DOCKERFILE_CHECK="], ["BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true"]):
        assert run(context, "# check=error=true\n" + BAD, "--build-arg", *words)[0] == 0
    code, _, said = run(context, BAD, "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true")
    assert code == 1
    assert "warning: the build argument" not in said
    code, _, said = run(context, BAD, "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=nonsense")
    assert (code, "BUILDKIT_DOCKERFILE_CHECK=nonsense: invalid check option" in said) == (2, True)


def test_ignored_sources(context: Path) -> None:
    (context / ".dockerignore").write_text("x\n")
    code, out, _ = run(context, GOOD, "--check")
    assert code == 1
    assert "CopyIgnoredFile: COPY of 'x', which .dockerignore leaves out" in out
    (context / "Dockerfile.dockerignore").write_text("y\n")
    assert run(context, GOOD, "--check")[0] == 0


def test_targets(context: Path) -> None:
    code, out, _ = run(context, BAD, "--call=targets")
    assert code == 0
    assert out.splitlines() == [
        "TARGET             DESCRIPTION",
        "builder",
        "final (default)    is the one",
    ]
    targets = json.loads(run(context, "FROM a\n" + BAD, "--call=targets,format=json")[1])["targets"]
    assert targets[0] == {"name": "0", "default": False, "description": "", "base": "a"}
    assert [item["default"] for item in targets] == [False, False, True]


OUTLINED = """\
# VERSION is that of the base
ARG VERSION=1.36
ARG UNUSED=1
FROM scratch AS below
ARG MODE
FROM below AS other
ARG NEVER
# final is what is shipped
FROM image:$VERSION AS final
COPY --from=below / /
# port that it listens on
ARG PORT=80 VERSION
RUN --mount=type=secret,id=token,required --mount=type=ssh --mount=type=cache,target=/c true
RUN --mount=type=secret,id=token --mount=type=tmpfs,target=/t,size=$PORT --mount=type=secret,id=more true
"""


def test_the_outline_of_a_target(context: Path) -> None:
    code, out, _ = run(context, OUTLINED, "--call=outline", "--build-arg=MODE=x")
    assert code == 0
    assert (
        out
        == """\
TARGET:      final
DESCRIPTION: is what is shipped

BUILD ARG    VALUE    DESCRIPTION
VERSION      1.36     is that of the base
MODE         x
PORT         80       that it listens on

SECRET    REQUIRED
token     true
more

SSH        REQUIRED
default
"""
    )
    assert not built(context)
    code, out, _ = run(context, OUTLINED, "--call=outline,format=json", "--target=other")
    found = json.loads(out)
    assert [(arg["name"], arg.get("value")) for arg in found["args"]] == [("MODE", None), ("NEVER", None)]
    assert found["name"] == "other"
    assert found.keys() == {"name", "args", "sources"}
    assert base64.b64decode(found["sources"][0]).decode() == OUTLINED
    found = json.loads(run(context, OUTLINED, "--call=outline,format=json")[1])
    assert [item["ID"] for item in found["cache"]] == ["/c"]
    assert found["args"][2]["location"]["ranges"] == [{"start": {"line": 12}, "end": {"line": 12}}]
    assert run(context, "FROM scratch\n", "--call=outline") == (0, "TARGET:      0\n", "")
    dockerfile = "ARG A=1\nARG B=$A.2\nFROM scratch\nARG B\n"
    assert run(context, dockerfile, "--call=outline")[1].splitlines()[3:] == [
        "A            1",
        "B            1.2",
    ]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--call=nothing", "unknown value 'nothing'"),
        ("--call=check,format=xml", "only format=text or format=json"),
        ("--call=build,format=json", "only format=text or format=json"),
        ("--check=perhaps", "--check is true or false"),
    ],
)
def test_what_is_refused(context: Path, word: str, message: str) -> None:
    code, _, said = run(context, GOOD, word)
    assert code == 2
    assert message in said
    assert not built(context)


@pytest.mark.parametrize("word", ["--check=false", "--call=build"])
def test_a_build_all_the_same(context: Path, word: str) -> None:
    assert run(context, GOOD, word)[0] == 0
    assert built(context)


def test_the_git_folder_of_a_git_context_on_request(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /all/\n")
    with git.Repo.init(context) as repository, repository.config_writer() as settings:
        settings.set_value("user", "name", "x").set_value("user", "email", "x@example.com")
    with git.Repo(context) as repository:
        repository.git.add(".")
        repository.index.commit("one")
    for value, there in (("1", True), ("0", False)):
        target = context.parent / f"out{value}"
        environment = {"HOME": str(context.parent), "PATH": os.environ["PATH"]}
        invocation = Invocation("ci-builder", environment, io.BytesIO(), io.BytesIO(), io.StringIO())
        given = f"BUILDKIT_CONTEXT_KEEP_GIT_DIR={value}"
        words = ["build", "--build-arg", given, "-o", str(target), f"file://{context}/.git"]
        assert main(words, invocation) == 0
        assert (target / "all" / "x").exists()
        assert (target / "all" / ".git").exists() is there
