"""The command ``ci`` around the adapters: files of former builds, what is printed."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from ci_builder.cli.invocation import Invocation
from ci_builder.cli.main import main

SYSTEMS = {
    "ci-builder.properties": {"JENKINS_URL": "http://jenkins.example.com/"},
    "ci-builder.env": {"GITLAB_CI": "true"},
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    monkeypatch.chdir(folder)
    return folder


def ci(workspace: Path, **variables: str) -> tuple[int, str]:
    environment = {
        "HOME": str(workspace.parent),
        "CI_BUILDER_PUSH": "false",
        "CI_BUILDER_OUTPUTS": f"type=tar,dest={workspace.parent}/image.tar",
        **variables,
    }
    said = io.StringIO()
    invocation = Invocation("ci-builder", environment, io.BytesIO(), io.BytesIO(), said)
    code = main(["ci"], invocation)
    return code, said.getvalue()


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_report_of_a_former_build_is_no_part_of_the_next(workspace: Path, name: str) -> None:
    for _ in range(2):
        code, said = ci(workspace, **SYSTEMS[name])
        assert code == 0, said
        with tarfile.open(workspace.parent / "image.tar") as archive:
            assert [Path(entry).name for entry in archive.getnames() if "ocker" in entry] == ["Dockerfile"]
            assert not [entry for entry in archive.getnames() if name in entry]
        assert "CI_BUILDER_DIGEST=sha256:" in (workspace / name).read_text()


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_report_is_left_after_a_build_that_failed(workspace: Path, name: str) -> None:
    (workspace / name).write_text("CI_BUILDER_DIGEST=old\n")
    (workspace / "Dockerfile").write_text("FROM scratch\nCOPY missing /\n")
    code, said = ci(workspace, **SYSTEMS[name])
    assert code == 1, said
    assert not (workspace / name).exists()


def test_what_the_steps_before_wrote_for_github_stays(workspace: Path) -> None:
    output = workspace.parent / "output"
    output.write_text("a=b\n")
    inputs = json.dumps({"outputs": f"type=tar,dest={workspace.parent}/image.tar"})
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "CI_BUILDER_INPUTS": inputs}
    code, said = ci(workspace, **variables)
    assert code == 0, said
    assert output.read_text().startswith("a=b\nimageid<<")


def test_a_secret_file_that_is_missing_is_an_annotation(workspace: Path) -> None:
    inputs = json.dumps({"secret-files": "key=/nope"})
    code, said = ci(workspace, GITHUB_ACTIONS="true", CI_BUILDER_INPUTS=inputs)
    text = "the secret file /nope cannot be read: No such file or directory"
    assert (code, said) == (2, f"::error title=ci_builder::{text}\nerror: {text}\n")


def test_lint_warnings_reach_the_ci(workspace: Path) -> None:
    (workspace / "Dockerfile").write_text("FROM scratch\nCOPY . /\nCMD echo\n")
    code, said = ci(workspace, GITHUB_ACTIONS="true", CI_BUILDER_INPUTS=json.dumps({"tags": "r.example/a:1"}))
    assert code == 0, said
    annotations = [line for line in said.splitlines() if line.startswith("::warning ")]
    assert [line.partition("::JSON")[0] for line in annotations] == [
        "::warning title=JSONArgsRecommended,file=Dockerfile,line=3"
    ]
    assert said.count("warning: Dockerfile:3: JSONArgsRecommended: ") == 1

    code, said = ci(workspace, GITLAB_CI="true")
    assert code == 0, said
    (issue,) = json.loads((workspace / "gl-code-quality-report.json").read_text())
    assert (issue["check_name"], issue["location"]["lines"]) == ("JSONArgsRecommended", {"begin": 3})


def test_logins_are_no_part_of_an_image_wherever_temporary_files_are(workspace: Path) -> None:
    (workspace / "temporary").mkdir()
    job = {"CI_BUILDER_REGISTRY": "r.example", "CI_BUILDER_USERNAME": "me", "CI_BUILDER_PASSWORD": "s3cret"}
    code, said = ci(workspace, RUNNER_TEMP=str(workspace / "temporary"), **job)
    assert code == 0, said
    with tarfile.open(workspace.parent / "image.tar") as archive:
        assert [entry.strip("/") for entry in archive.getnames()] == ["Dockerfile"]
    # Nor are those of another job that is under way.
    other = workspace / "temporary/ci-builder-0123abcd/x/docker"
    other.mkdir(parents=True)
    (other / "config.json").touch()
    (workspace / "temporary/own").touch()
    code, said = ci(workspace, RUNNER_TEMP=str(workspace / "temporary"), **job)
    assert code == 0, said
    with tarfile.open(workspace.parent / "image.tar") as archive:
        assert {entry.strip("/") for entry in archive.getnames()} == {
            "Dockerfile",
            "temporary",
            "temporary/own",
        }


@pytest.mark.parametrize("name", ["key", "config.json"])
def test_what_was_read_from_files_is_hidden_in_the_summary(workspace: Path, name: str) -> None:
    (workspace / "Dockerfile").write_text("FROM scratch\nCOPY hunter2-topsecret /\n")
    (workspace.parent / "key").write_text("hunter2-topsecret\n")
    auths = {"auths": {"r.example": {"username": "me", "password": "hunter2-topsecret"}}}
    (workspace.parent / "config.json").write_text(json.dumps(auths))
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(workspace.parent / "summary"),
        "CI_BUILDER_INPUTS": json.dumps(
            {"secret-files": f"key={workspace.parent}/key"} if name == "key" else {}
        ),
        "DOCKER_CONFIG": str(workspace.parent),
    }
    if name == "key":
        (workspace.parent / "config.json").unlink()
    code, said = ci(workspace, **variables)
    summary = (workspace.parent / "summary").read_text()
    assert code == 1
    assert "***" in summary
    assert "hunter2" not in summary + said


def test_a_former_report_that_cannot_be_removed_is_an_error(workspace: Path) -> None:
    """The jobs that follow would take it for this build's."""
    (workspace / "ci-builder.env").mkdir()
    code, said = ci(workspace, GITLAB_CI="true")
    assert code == 1
    assert "ci-builder.env of a former build cannot be removed" in said
    assert not (workspace.parent / "image.tar").exists()


@pytest.mark.parametrize(
    ("registry", "is_one"),
    [("r.example:5000", True), ("me:s3cret", False)],
    ids=["a registry", "what credentials() makes"],
)
def test_jenkins_registry_beside_a_login(workspace: Path, registry: str, is_one: bool) -> None:
    variables = {
        "JENKINS_URL": "x",
        "BRANCH_NAME": "main",
        "IMAGE": "team/app",
        "REGISTRY": registry,
        "REGISTRY_USR": "me",
        "REGISTRY_PSW": "s3cret",
    }
    code, said = ci(workspace, **variables)
    if is_one:
        assert code == 0, said
    else:
        assert (code, "team/app:main has no registry in front" in said) == (2, True)


def test_jenkins_without_a_tag_or_branch(workspace: Path) -> None:
    variables = {"JENKINS_URL": "x", "IMAGE": "r.example/team/app", "CI_BUILDER_PUSH": "true"}
    code, said = ci(workspace, **variables)
    assert code == 2
    assert "no variable names a tag or branch" in said


@pytest.mark.root
def test_a_checkout_that_cannot_be_written(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    run(["mount", "--bind", str(workspace), str(workspace)], check=True)
    try:
        run(["mount", "-o", "remount,bind,ro", str(workspace)], check=True)
        monkeypatch.chdir(workspace)
        code, said = ci(workspace, GITLAB_CI="true")
    finally:
        run(["umount", "--lazy", str(workspace)], check=True)
    assert code == 0, said
    assert "warning: ci-builder.env cannot be written: Read-only file system" in said


def test_an_input_that_asks_for_nothing_of_a_cache(workspace: Path) -> None:
    code, said = ci(workspace, CI_BUILDER_CACHE_MOUNTS="false")
    assert code == 0, said
