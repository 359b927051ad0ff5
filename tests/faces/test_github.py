"""GitHub's face: action.yml, run by act."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faces.project import LEAKY, REPOSITORY, Ended, Project, run
from tests.servers.registry import PASSWORD, USER

WORKFLOW = """\
name: image
on: [push, pull_request]
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: image
        uses: acme/ci-builder@v1
        with:
          context: app
          push: true
          registry: %(host)s
          username: %(user)s
          password: ${{ secrets.REGISTRY_PASSWORD }}
          build-args: |
            BASE=%(base)s
          labels: |
            org.example.commit=${{ github.sha }}
          %(more)s
      - run: echo "got=$DIGEST $IMAGE $(echo "$METADATA" | tr -d '\\n')"
        env:
          DIGEST: ${{ steps.image.outputs.digest }}
          IMAGE: ${{ steps.image.outputs.image }}
          METADATA: ${{ steps.image.outputs.metadata }}
"""

Act = Callable[..., Ended]


@pytest.fixture
def act(project: Project, environment: dict[str, str], tool: Callable[[str], str]) -> Act:
    """Runs the project's workflow."""

    def start(
        event: str = "push",
        more: str = "",
        payload: dict[str, Any] | None = None,
        password: str = PASSWORD,
    ) -> Ended:
        values = {"host": project.registry.host, "user": USER, "base": project.base, "more": more}
        project.write(**{".github/workflows/image.yml": WORKFLOW % values})
        command = [tool("act"), event, "--json", "--no-cache-server", "-P", "ubuntu-latest=-self-hosted"]
        command += [
            "-s",
            f"REGISTRY_PASSWORD={password}",
            "--local-repository",
            f"acme/ci-builder@v1={REPOSITORY}",
        ]
        if payload is not None:
            (project.folder.parent / "event.json").write_text(json.dumps(payload))
            command += ["-e", str(project.folder.parent / "event.json")]
        return run(command, project.folder, environment)

    return start


def messages(ended: Ended) -> str:
    lines = [json.loads(line) for line in ended.log.splitlines() if line.startswith("{")]
    return "\n".join(str(line.get("msg", "")) for line in lines)


@pytest.mark.commands
def test_push_by_tags(project: Project, act: Act) -> None:
    image = f"{project.registry.host}/acme/widget"
    ended = act(more=f"tags: |\n            {image}:one\n            {image}:two")
    assert ended.code == 0, ended.log
    pushed = project.image(f"{image}:one")
    assert pushed.digest == project.image(f"{image}:two").digest
    assert pushed.file("result/message") == "hello\n"
    assert f"got={pushed.digest} {image}@{pushed.digest}" in messages(ended)
    assert '"containerimage.digest":"' + pushed.digest in messages(ended)
    assert len(pushed.config["config"]["Labels"]["org.example.commit"]) == 40


@pytest.mark.commands
def test_secrets_are_masked_and_reach_no_command(project: Project, act: Act) -> None:
    image = f"{project.registry.host}/acme/secret"
    ended = act(more=f"tags: {image}:1")
    assert ended.code == 0, ended.log
    assert PASSWORD not in messages(ended)
    masked = [item["arg"] for item in ended.commands() if item["command"] == "add-mask"]
    assert PASSWORD in masked
    assert base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode() in masked
    environment = project.image(f"{image}:1").file("result/environment")
    names = {line.partition("=")[0] for line in environment.splitlines()}
    assert PASSWORD not in environment
    assert not {name for name in names if name.startswith(("GITHUB", "CI", "RUNNER", "ACTIONS", "INPUT"))}
    assert not (project.folder.parent / "home/.docker").exists()


@pytest.mark.commands
def test_what_run_prints_is_no_command(project: Project, act: Act) -> None:
    ended = act(more=f"tags: {project.registry.host}/acme/injected:1")
    assert ended.code == 0, ended.log
    assert LEAKY.rpartition(":")[2] in messages(ended)
    assert [item for item in ended.commands() if item["command"] == "error"] == []


@pytest.mark.commands
def test_default_tags(project: Project, act: Act) -> None:
    image = f"{project.registry.host}/acme/Defaults"
    for event, payload, tags in (
        ("push", {"ref": "refs/tags/v1.2.3"}, ("v1.2.3", "latest")),
        ("push", None, ("main",)),
        ("pull_request", {"number": 42, "pull_request": {"number": 42, "head": {"ref": "x"}}}, ("pr-42",)),
    ):
        ended = act(event, more=f"repository: {image}", payload=payload)
        assert ended.code == 0, ended.log
        for tag in tags:
            assert project.has(f"{image.lower()}:{tag}"), ended.log


@pytest.mark.commands
def test_a_failing_command_is_annotated(project: Project, act: Act) -> None:
    project.write(**{"app/Dockerfile": "ARG BASE\nFROM ${BASE}\n\nRUN echo about to fail && exit 3\n"})
    image = f"{project.registry.host}/acme/failing"
    ended = act(more=f"tags: {image}:1")
    assert ended.code == 1
    errors = [item for item in ended.commands() if item["command"] == "error"]
    assert [(item["kvPairs"]["file"], item["kvPairs"]["line"]) for item in errors] == [
        ("app/Dockerfile", "4")
    ]
    assert "about to fail" in messages(ended)
    assert not project.has(f"{image}:1")


def test_a_wrong_password(project: Project, act: Act) -> None:
    image = f"{project.registry.host}/acme/refused"
    ended = act(more=f"tags: {image}:1", password="wrong-s3cret")
    assert ended.code == 1
    assert "401" in messages(ended)
    assert "wrong-s3cret" not in messages(ended)
    assert [item["command"] for item in ended.commands() if item["command"] == "error"] == ["error"]
    assert not project.has(f"{image}:1")


@pytest.mark.commands
def test_a_pull_request_takes_layers_of_its_target(project: Project, act: Act) -> None:
    image = f"{project.registry.host}/acme/cached"
    more = f"repository: {image}\n          cache: true"
    ended = act(more=more)
    assert ended.code == 0, ended.log
    head = {"ref": "main", "repo": {"full_name": "eve/widget"}}
    event = {"number": 42, "pull_request": {"number": 42, "head": head, "base": {"ref": "main"}}}
    ended = act("pull_request", more=more, payload=event)
    assert ended.code == 0, ended.log
    assert "executor: none" in messages(ended)
    assert messages(ended).count("CACHED") == 1
    first, second = project.image(f"{image}:main"), project.image(f"{image}:pr-42")
    assert first.json("manifests")["layers"] == second.json("manifests")["layers"]
    # The fork has a branch of that name, and yet another cache.
    caches = [tag for tag in first.tags() if tag.startswith("cache-")]
    assert sorted(tag.rpartition("-")[0] for tag in caches) == [
        "cache-linux-amd64-eve-widget-main",
        "cache-linux-amd64-main",
    ]


def test_an_input_that_is_not_supported(project: Project, act: Act) -> None:
    ended = act(more=f"tags: {project.registry.host}/acme/x:1\n          cache-from: type=gha")
    assert ended.code == 1
    assert "--cache-from type=gha is not supported" in messages(ended)
    assert "the input cache: true takes the image's own repository" in messages(ended)
