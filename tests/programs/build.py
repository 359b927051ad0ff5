"""The two builds of a program: in namespaces as root of this machine, and by the executor ``ptrace`` as a
user without any right in a container that nobody configured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.compare.builders import Built, build_ours
from tests.programs.judge import Side
from tests.programs.program import Program, lay_out
from tests.servers.dockerd import Docker

Builder = Callable[[Program, Path], Side]
"""Builds a program in a new folder."""

_RESTRICTED = ("--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def in_namespace(program: Program, folder: Path) -> Side:
    """By the executor ``namespace``."""
    (folder / "home").mkdir(parents=True)
    options = lay_out(program, folder / "context")
    layout = folder / "layout"
    built = build_ours(
        layout,
        folder / "context",
        options,
        home=folder / "home",
        bases=[program.base],
        isolation="namespace",
    )
    return Side("namespace", built, layout)


def by_ptrace(docker: Docker, image: str) -> Builder:
    """By the executor ``ptrace`` in a container of the builder image ``image``."""

    def build(program: Program, folder: Path) -> Side:
        folder.mkdir()
        options = lay_out(program, folder / "context")
        for name in ("out", "tmp"):
            (folder / name).mkdir()
            os.chown(folder / name, 1000, 1000)
        base = program.base
        done = docker.run(
            *("run", "--rm", "--network=host", *_RESTRICTED),
            f"--volume={folder / 'context'}:/test/context:ro",
            f"--volume={base.layout}:/test/base:ro",
            f"--volume={folder / 'out'}:/test/out",
            # Where the builder image has its temporary files, and may write.
            f"--volume={folder / 'tmp'}:/ci-builder/tmp",
            *(image, "build", "--isolation=ptrace", "--progress=plain"),
            f"--build-context={base.name}=oci-layout:///test/base",
            *("--output=type=oci,tar=false,dest=/test/out/layout", *options, "/test/context"),
            timeout=900,
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        return Side("ptrace", Built(done.returncode, text), folder / "out/layout")

    return build
