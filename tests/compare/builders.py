"""The same build by docker and by this project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.bases import Base, cache_folder
from tests.servers.dockerd import Docker
from tests.servers.signals import default_signals

ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "TMPDIR", "LANG", "TZ")


@dataclass(frozen=True, slots=True)
class Built:
    """How a build ended: exit code and everything it printed."""

    code: int
    text: str


def build_docker(docker: Docker, tag: str, context: Path, arguments: Sequence[str]) -> Built:
    """``docker build`` with BuildKit, on the host's network."""
    done = docker.run("build", "--network", "host", "-t", tag, *arguments, str(context))
    return Built(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def build_ours(
    layout: Path,
    context: Path,
    arguments: Sequence[str],
    *,
    home: Path,
    bases: Sequence[Base] = (),
    isolation: str = "auto",
) -> Built:
    """``build`` of this project into the OCI layout ``layout``; each base is a named context."""
    flags = [f"--build-context={base.name}=oci-layout://{base.layout}" for base in bases]
    flags += [f"--output=type=oci,tar=false,dest={layout}", f"--isolation={isolation}", "--progress=plain"]
    return run_ours(["build", *flags, *arguments, str(context)], home=home)


def run_ours(
    arguments: Sequence[str], *, home: Path, env: dict[str, str] | None = None, timeout: float = 600
) -> Built:
    """The command line with ``arguments``, in an environment that has nothing of the CI around the tests."""
    done = subprocess.run(
        command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env=environment(home) | (env or {}),
        timeout=timeout,
        check=False,
    )
    return Built(done.returncode, done.stdout.decode(errors="replace"))


def start_ours(
    arguments: Sequence[str], *, home: Path, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """The command line as a process of its own, with the signals of a terminal; all that it says is its
    standard output."""
    return subprocess.Popen(
        command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env=environment(home) | (env or {}),
        preexec_fn=default_signals,
    )


def command(arguments: Sequence[str]) -> list[str]:
    """argv of this project's command line in the environment that runs the tests."""
    start = "from ci_builder.cli.main import console; raise SystemExit(console())"
    return [sys.executable, "-c", start, *arguments]


def environment(home: Path) -> dict[str, str]:
    """What a process of ours gets: its own home, and nothing of the CI around the tests. It is compiled once
    for all tests, which is a third of its start, and nothing is written to the checkout."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    compiled = {"PYTHONPYCACHEPREFIX": str(cache_folder() / "bytecode")}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)} | compiled
