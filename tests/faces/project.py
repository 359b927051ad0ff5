"""A project as a user has it, and what its pipeline pushed."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import git
import requests

from tests.servers.registry import PASSWORD, USER, RunningRegistry

REPOSITORY = Path(__file__).resolve().parents[2]
LEAKY = "::error file=Dockerfile::injected by RUN"

DOCKERFILE = f"""\
ARG BASE
FROM ${{BASE}} AS build
COPY . /src/
RUN echo "{LEAKY}" && env > /environment && cat /src/message > /message
FROM ${{BASE}}
COPY --from=build /environment /message /result/
CMD ["cat", "/result/message"]
"""


@dataclass(frozen=True)
class Project:
    """A git repository with one commit, and the registry that its images go to."""

    folder: Path
    registry: RunningRegistry
    base: str
    tools: Path

    def write(self, **files: str) -> None:
        """Write files and commit everything."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with git.Repo(self.folder) as repository:
            repository.git.add(all=True)
            author = git.Actor("A", "a@example.com")
            repository.index.commit("files", author=author, committer=author)

    def image(self, reference: str) -> Pushed:
        """What lies in the registry under ``reference``."""
        repository, _, tag = reference.removeprefix(f"{self.registry.host}/").rpartition(":")
        return Pushed(f"{self.registry.url}/v2/{repository}", tag)

    def has(self, reference: str) -> bool:
        """Whether there is anything under ``reference``."""
        return self.image(reference).answer("manifests").status_code == 200


@dataclass(frozen=True)
class Pushed:
    """An image in the registry: ``url`` of its repository, and its tag."""

    url: str
    tag: str

    def answer(self, kind: str, name: str = "") -> requests.Response:
        """What the registry says of a manifest or blob."""
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        url = f"{self.url}/{kind}/{name or self.tag}"
        return requests.get(url, auth=(USER, PASSWORD), headers=accept, timeout=10)

    def json(self, kind: str, name: str = "") -> dict[str, Any]:
        """A manifest or config."""
        answer = self.answer(kind, name)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def tags(self) -> list[str]:
        """All tags of the repository."""
        answer = requests.get(f"{self.url}/tags/list", auth=(USER, PASSWORD), timeout=10)
        answer.raise_for_status()
        found: list[str] = answer.json()["tags"]
        return found

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return self.answer("manifests").headers["Docker-Content-Digest"]

    @property
    def config(self) -> dict[str, Any]:
        """The image's config."""
        return self.json("blobs", self.json("manifests")["config"]["digest"])

    def file(self, path: str) -> str:
        """The text of a file in the last layer that has it."""
        for layer in reversed(self.json("manifests")["layers"]):
            data = self.answer("blobs", layer["digest"]).content
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                if path in tar.getnames():
                    stream = tar.extractfile(path)
                    assert stream is not None
                    return stream.read().decode()
        raise AssertionError(f"{path} is in no layer of {self.url}:{self.tag}")


@dataclass(frozen=True)
class Ended:
    """A program that ended: its exit code and everything that it printed."""

    code: int
    log: str

    def commands(self) -> list[dict[str, Any]]:
        """The workflow commands that act understood."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("command")]


def run(command: list[str], folder: Path, environment: Mapping[str, str], seconds: int = 300) -> Ended:
    """Run a CI in ``folder`` with nothing but ``environment``."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(errors="replace"))
