"""Builds of one small project with caches, and what the commands about caches say of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compare.builders import run_ours
from tests.servers.bases import Base

DOCKERFILE = """\
FROM busybox AS tools
ARG TOOL=1
RUN echo tool $TOOL | cut -c1-4 > /tool
FROM busybox AS unused
RUN echo never
FROM busybox AS app
ARG VERSION=1
COPY src /src
RUN echo version $VERSION > /version
COPY --from=tools /tool /tool
COPY --link word /word
WORKDIR /work
"""


@dataclass(frozen=True)
class Bench:
    """A project in ``folder``/context, a home in ``folder``/home."""

    folder: Path
    base: Base
    executor: str = "namespace"

    @property
    def context(self) -> Path:
        """The build context."""
        return self.folder / "context"

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def write(self, name: str, text: str) -> None:
        """A file of the context."""
        path = self.context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def look(self, command: str, *options: str, code: int = 0) -> str:
        """What ``build``, ``plan`` or ``explain`` prints."""
        return self.say(
            command,
            f"--isolation={self.executor}",
            "--progress=plain",
            f"--build-context=busybox=oci-layout://{self.base.layout}",
            *options,
            str(self.context),
            code=code,
        )

    def say(self, *arguments: str, code: int = 0, home: str = "data") -> str:
        """What any command prints; it must end with ``code``."""
        done = run_ours(
            arguments, home=self.folder, env={"CI_BUILDER_HOME": str(self.folder / home)}, timeout=120
        )
        assert done.code == code, done.text
        return done.text

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints, whatever else it says before."""
        text = self.say(*arguments, "--format=json")
        return json.loads(text[text.index("{") :])

    def look_json(self, command: str, *options: str) -> Any:
        """The JSON of ``plan`` and ``explain``."""
        return json.loads(self.look(command, "-q", "--format=json", *options))


def make_bench(folder: Path, base: Base, executor: str = "namespace") -> Bench:
    """One with the project above."""
    bench = Bench(folder, base, executor)
    for name, text in (("Dockerfile", DOCKERFILE), ("src/a", "a\n"), ("src/b", "b\n"), ("word", "word\n")):
        bench.write(name, text)
    return bench


def statuses(explained: Any, stage: int) -> list[str]:
    """How each step of a stage is called."""
    (found,) = [item for item in explained["stages"] if item["number"] == stage]
    return [step["status"] for step in found["steps"]]


def step(explained: Any, title: str) -> Any:
    """The step of that title."""
    steps = [step for stage in explained["stages"] for step in stage["steps"]]
    (found,) = [step for step in steps if step["title"] == title]
    return found


def inputs(found: Any) -> list[tuple[str, str]]:
    """Names of what differs, and how."""
    return [(item["name"], item["how"]) for item in found["inputs"]]
