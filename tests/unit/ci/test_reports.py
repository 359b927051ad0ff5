"""How the CI systems are told what came of a build."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ci_builder.ci.generic import Generic
from ci_builder.ci.github import GitHub
from ci_builder.ci.gitlab import GitLab
from ci_builder.ci.interface import NOTHING_READ, FileWrite, Reading, Situation
from ci_builder.ci.jenkins import Jenkins
from ci_builder.ci.told import metadata
from ci_builder.errors import CommandFailed, DockerfileError, RegistryError, UsageError
from ci_builder.progress import Notice
from ci_builder.request import Request, Result
from ci_builder.span import Source, Span

MakeSituation = Callable[..., Situation]
SOURCE = Source("Dockerfile", "FROM a\nRUN false\n")
FILES = {"GITHUB_OUTPUT": "/out", "GITHUB_STEP_SUMMARY": "/summary"}
OPEN = Reading(
    request=Request(context="app"), masks=("s3cret",), opening=("::group::x", "::stop-commands::TOKEN")
)


def by_path(files: tuple[FileWrite, ...]) -> dict[str, str]:
    return {str(item.path): item.text for item in files}


def test_github_success(result: Result, situation: MakeSituation) -> None:
    report = GitHub().report(situation(FILES), OPEN, result)
    assert report.lines == ("::TOKEN::", "::endgroup::")
    assert all(item.append for item in report.files)
    output = by_path(report.files)["/out"]
    assert f"digest<<TOKEN\n{result.digest}\nTOKEN\n" in output
    assert f"imageid<<TOKEN\n{result.image_id}\nTOKEN\n" in output
    assert f"image<<TOKEN\nregistry.example.com:5000/a/b@{result.digest}\nTOKEN\n" in output
    assert (
        "tags<<TOKEN\nregistry.example.com:5000/a/b:1\nregistry.example.com:5000/a/b:latest\nTOKEN\n"
        in output
    )
    told = json.loads(output.partition("metadata<<TOKEN\n")[2].partition("\n")[0])
    assert told["containerimage.digest"] == result.digest
    assert told["containerimage.descriptor"]["size"] == 700
    assert told["image.name"] == "registry.example.com:5000/a/b:1,registry.example.com:5000/a/b:latest"
    summary = by_path(report.files)["/summary"]
    assert "### Image pushed in 12 s" in summary
    assert "| `sha256:222222222222` | 0.5 | `RUN echo 'x' \\| cat` |" in summary


def test_metadata(result: Result) -> None:
    whole = replace(
        result,
        created="2023-11-14T22:13:20Z",
        platform="linux/arm/v7",
        annotations=(("a", "b"),),
    )
    found = metadata(whole)
    assert list(found) == [
        "containerimage.config.digest",
        "containerimage.descriptor",
        "containerimage.digest",
        "image.name",
    ]
    assert found["containerimage.descriptor"] == {
        "annotations": {
            "config.digest": result.image_id,
            "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
            "a": "b",
        },
        "digest": result.digest,
        "mediaType": result.media_type,
        "platform": {"architecture": "arm", "os": "linux", "variant": "v7"},
        "size": 700,
    }
    assert metadata(replace(whole, is_image=False, tags=())) == {}
    assert "image.name" not in metadata(replace(whole, tags=()))


def test_github_failing_instruction(situation: MakeSituation) -> None:
    error = CommandFailed(
        "exit code 1, 100 %\ns3cret",
        source=SOURCE,
        span=Span("Dockerfile", 2, 2),
        code=1,
        tail="s3cret",
    )
    report = GitHub().report(situation(FILES), OPEN, error)
    assert report.lines == (
        "::TOKEN::",
        "::endgroup::",
        "::error title=ci_builder,file=app/Dockerfile,line=2,endLine=2::exit code 1, 100 %25%0A***",
    )
    assert "/out" not in by_path(report.files)
    summary = by_path(report.files)["/summary"]
    assert "The build failed" in summary
    assert "s3cret" not in summary


WARNINGS = (
    Notice("warning", "JSONArgsRecommended: CMD, s3cret", "Dockerfile", 7, "JSONArgsRecommended"),
    Notice("warning", "UndefinedVar: nothing sets $X", "Dockerfile", 9, "UndefinedVar"),
)


def test_github_warnings_are_annotations(result: Result, situation: MakeSituation) -> None:
    report = GitHub().report(situation({}), OPEN, result, WARNINGS)
    assert report.lines == (
        "::TOKEN::",
        "::endgroup::",
        "::warning title=JSONArgsRecommended,file=app/Dockerfile,line=7::JSONArgsRecommended: CMD, ***",
        "::warning title=UndefinedVar,file=app/Dockerfile,line=9::UndefinedVar: nothing sets $X",
    )
    away = Reading(request=Request(context="https://example.com/a.git"))
    lines = GitHub().report(situation({}), away, result, WARNINGS[1:]).lines
    assert lines == ("::warning title=UndefinedVar::UndefinedVar: nothing sets $X",)


def test_gitlab_warnings_are_a_code_quality_report(result: Result, situation: MakeSituation) -> None:
    reading = Reading(request=Request(context="app"))
    for outcome in (result, RegistryError("no")):
        files = by_path(GitLab().report(situation({}), reading, outcome, WARNINGS).files)
        issues = json.loads(files["gl-code-quality-report.json"])
        assert [(issue["check_name"], issue["location"]) for issue in issues] == [
            ("JSONArgsRecommended", {"path": "app/Dockerfile", "lines": {"begin": 7}}),
            ("UndefinedVar", {"path": "app/Dockerfile", "lines": {"begin": 9}}),
        ]
        assert len({issue["fingerprint"] for issue in issues}) == 2
        assert {issue["severity"] for issue in issues} == {"minor"}
    away = Reading(request=Request(context="https://example.com/a.git"))
    files = by_path(GitLab().report(situation({}), away, result, WARNINGS).files)
    assert files["gl-code-quality-report.json"] == "[]\n"


def test_github_where_nothing_was_read(situation: MakeSituation) -> None:
    error = UsageError("push is true or false", hint="write: push, or not")
    report = GitHub().report(situation({}), NOTHING_READ, error)
    assert report.lines == ("::error title=ci_builder::push is true or false%0Awrite: push, or not",)
    assert report.files == ()


def test_github_without_a_summary(result: Result, situation: MakeSituation) -> None:
    for environment in ({"DOCKER_BUILD_SUMMARY": "false"}, {"CI_BUILDER_INPUTS": '{"summary": "false"}'}):
        report = GitHub().report(situation({**FILES, **environment}), OPEN, result)
        assert list(by_path(report.files)) == ["/out"]


def test_annotations_name_files_of_the_checkout_only(situation: MakeSituation) -> None:
    error = DockerfileError("no", source=Source("x/Dockerfile", "FROM a\n"), span=Span("x/Dockerfile", 1, 1))
    for request, expected in (
        (Request(context="app", dockerfile="x/Dockerfile"), "file=x/Dockerfile"),
        (Request(context="https://example.com/x.git"), ""),
        (Request(dockerfile="/tmp/Dockerfile"), ""),
        (Request(dockerfile="-"), ""),
    ):
        line = GitHub().report(situation({}), Reading(request=request), error).lines[0]
        assert ("file=" in line) == bool(expected)
        assert expected in line


def test_gitlab(result: Result, situation: MakeSituation) -> None:
    reading = Reading(request=Request(), opening=("x",))
    report = GitLab().report(situation({}), reading, result)
    assert report.lines == ("\x1b[0Ksection_end:1700000000:ci_builder_build\r\x1b[0K",)
    assert report.files == (
        FileWrite(
            Path("ci-builder.env"),
            f"CI_BUILDER_IMAGE=registry.example.com:5000/a/b@{result.digest}\n"
            f"CI_BUILDER_IMAGE_ID={result.image_id}\n"
            f"CI_BUILDER_DIGEST={result.digest}\n"
            "CI_BUILDER_IMAGE_TAGS=registry.example.com:5000/a/b:1,registry.example.com:5000/a/b:latest\n",
        ),
        FileWrite(Path("gl-code-quality-report.json"), "[]\n"),
    )


def test_gitlab_failure(situation: MakeSituation) -> None:
    report = GitLab().report(situation({}), NOTHING_READ, RegistryError("no"))
    assert (report.lines, report.files) == ((), ())


def test_jenkins_and_generic(result: Result, situation: MakeSituation) -> None:
    reading = Reading(request=Request())
    assert str(Jenkins().report(situation({}), reading, result).files[0].path) == "ci-builder.properties"
    assert str(Generic().report(situation({}), reading, result).files[0].path) == "ci-builder.env"
    assert Jenkins().report(situation({}), reading, UsageError("no")).files == ()
