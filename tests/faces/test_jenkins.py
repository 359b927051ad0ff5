"""Jenkins' face: examples/jenkins/Jenkinsfile, run by jenkins_runner.groovy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faces.project import REPOSITORY, Ended, Project, run
from tests.servers.registry import PASSWORD, USER

Jenkins = Callable[..., Ended]


@pytest.fixture
def jenkins(project: Project, environment: dict[str, str], tool: Callable[[str], str]) -> Jenkins:
    """Builds the project with the Jenkinsfile and the variables of a multibranch job."""
    groovy, java = tool("groovy"), Path(tool("java")).resolve().parents[1]
    runner = str(REPOSITORY / "tests/faces/jenkins_runner.groovy")

    def start(password: str = PASSWORD, **variables: str) -> Ended:
        given = {
            "JENKINS_URL": "http://jenkins.example.com/",
            "BUILD_NUMBER": "7",
            "BUILD_TAG": "jenkins-widget-7",
            "WORKSPACE": str(project.folder),
            "REGISTRY": project.registry.host,
            "CI_BUILDER_CONTEXT": "app",
            "CI_BUILDER_BUILD_ARGS": f"BASE={project.base}",
        }
        job = {
            "workspace": str(project.folder),
            "environment": environment | given | variables,
            "credentials": {"registry": {"username": USER, "password": password}},
        }
        path = project.folder.parent / "job.json"
        path.write_text(json.dumps(job))
        command = [groovy, runner, str(REPOSITORY / "examples/jenkins/Jenkinsfile"), str(path)]
        return run(command, project.folder, environment | {"JAVA_HOME": os.fspath(java)})

    return start


@pytest.mark.commands
def test_a_tag(project: Project, jenkins: Jenkins) -> None:
    ended = jenkins(TAG_NAME="v1.2.3", BRANCH_NAME="v1.2.3")
    assert ended.code == 0, ended.log
    image = f"{project.registry.host}/team/app"
    pushed = project.image(f"{image}:v1.2.3")
    assert pushed.file("result/message") == "hello\n"
    assert f"release v1.2.3 is {image}@{pushed.digest}" in ended.log
    environment = pushed.file("result/environment")
    assert PASSWORD not in environment + ended.log
    assert "JENKINS" not in environment


@pytest.mark.commands
def test_a_branch_and_a_change_request(project: Project, jenkins: Jenkins) -> None:
    for variables, tag in (
        ({"BRANCH_NAME": "feature/x"}, "feature-x"),
        ({"BRANCH_NAME": "PR-5", "CHANGE_ID": "5"}, "pr-5"),
        ({"GIT_BRANCH": "origin/develop"}, "develop"),
    ):
        ended = jenkins(**variables)
        assert ended.code == 0, ended.log
        assert "skipped due to when conditional" in ended.log
        assert project.has(f"{project.registry.host}/team/app:{tag}")
    tags = project.image(f"{project.registry.host}/team/app:develop").tags()
    assert any(name.startswith("cache-linux-amd64-feature-x-") for name in tags)


@pytest.mark.commands
def test_a_branch_takes_layers_of_main(project: Project, jenkins: Jenkins) -> None:
    for branch in ("main", "topic"):
        project.write(**{"app/message": "for the cache\n"})
        ended = jenkins(BRANCH_NAME=branch)
        assert ended.code == 0, ended.log
    assert "executor: none" in ended.log
    assert ended.log.count("CACHED") == 1
    image = project.image(f"{project.registry.host}/team/app:topic")
    assert image.file("result/message") == "for the cache\n"


@pytest.mark.commands
def test_a_failing_build(project: Project, jenkins: Jenkins) -> None:
    project.write(**{"app/Dockerfile": "ARG BASE\nFROM ${BASE}\nRUN echo about to fail && exit 3\n"})
    ended = jenkins(BRANCH_NAME="failing")
    assert ended.code == 1
    assert "about to fail" in ended.log
    assert "script returned exit code 3" in ended.log
    assert not project.has(f"{project.registry.host}/team/app:failing")


def test_a_wrong_password(project: Project, jenkins: Jenkins) -> None:
    ended = jenkins(password="wrong-s3cret", BRANCH_NAME="refused")
    assert ended.code == 1
    assert "401" in ended.log
    assert "wrong-s3cret" not in ended.log
    assert not project.has(f"{project.registry.host}/team/app:refused")
