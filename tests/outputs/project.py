"""A small project that is built into every kind of output, and what comes out of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compare.builders import Built, run_ours
from tests.servers.bases import Base

EPOCH = 1_500_000_000
_DOCKERFILE = """\
FROM busybox AS base
RUN echo made in a stage below > /below
FROM base AS test
RUN echo tested > /report
FROM scratch AS files
COPY word /word
FROM base AS app
COPY word /word
RUN mkdir -p /made/folder && echo text > /made/folder/file && ln /word /again && ln -s word /soft \\
    && rm /etc/motd && chown 1000:50 /made/folder/file && chmod 4711 /made/folder/file
"""


@dataclass(frozen=True)
class Project:
    """A context in ``folder``/context, built with ``base``; ``env`` has SOURCE_DATE_EPOCH unless changed."""

    folder: Path
    base: Base
    env: dict[str, str] = field(default_factory=lambda: {"SOURCE_DATE_EPOCH": str(EPOCH)})

    def arguments(self, *more: str, name: str = "build", isolation: str = "namespace") -> list[str]:
        """The command line of the command ``name``."""
        base = f"--build-context=busybox=oci-layout://{self.base.layout}"
        flags = [name, "--progress=plain", f"--isolation={isolation}", base]
        return [*flags, *more, str(self.folder / "context")]

    def build(self, *more: str, name: str = "build", isolation: str = "namespace") -> Built:
        """Run it in ``folder``."""
        arguments = self.arguments(*more, name=name, isolation=isolation)
        return run_ours(arguments, home=self.folder, env=self.env)

    def built(self, *arguments: str) -> str:
        """The same; it must succeed. Returns what it printed."""
        done = self.build(*arguments)
        assert done.code == 0, done.text
        return done.text


def make_project(folder: Path, base: Base, moment: int = 0) -> Project:
    """The project with files of the time ``moment``, of now for 0."""
    context = folder / "context"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(_DOCKERFILE)
    (context / "word").write_text("word\n")
    if moment:
        os.utime(context / "word", (moment, moment))
    return Project(folder, base)


def layout_image(layout: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The only entry of the index of a layout, its manifest and its config."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(layout, entry["digest"]).read_bytes())
    return entry, manifest, json.loads(blob(layout, manifest["config"]["digest"]).read_bytes())


def blob(layout: Path, digest: str) -> Path:
    """Where a blob lies."""
    return layout / "blobs" / digest.replace(":", "/")


def run(*command: str | Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def skopeo(*arguments: str | Path) -> Any:
    """What ``skopeo inspect`` says, as JSON."""
    return json.loads(run("skopeo", "inspect", *arguments))


def compressions(manifest: dict[str, Any]) -> Sequence[str]:
    """The ends of the media types of the layers."""
    return [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]]
