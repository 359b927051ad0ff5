"""Ways to start the doctor: in containers with this interpreter and this checkout bound in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.bound_in import PROGRAM, bound_in
from tests.servers.dockerd import Docker

RESTRICTED = ("--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
UNKNOWN_USER = (*RESTRICTED[2:], "--user", "1000730000:0")
READ_ONLY = ("--read-only", "--tmpfs", "/tmp:mode=1777,exec")
NO_EXEC = ("--read-only", "--tmpfs", "/tmp:mode=1777,noexec")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Said:
    """How the doctor ended, and its two streams."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What it said as JSON."""
        assert self.out, self.err
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def executor(self, name: str) -> dict[str, Any]:
        """Its row about one executor."""
        found = {item["name"]: item for item in self.report["executors"]}[name]
        assert isinstance(found, dict)
        return found

    def outcomes(self) -> dict[str, tuple[bool, str]]:
        """The verdict on each executor, and what became of its self-test."""
        return {item["name"]: (item["ok"], item["self_test"]["outcome"]) for item in self.report["executors"]}


def in_container(
    docker: Docker, image: str, flags: Sequence[str], variables: Mapping[str, str] | None = None
) -> Said:
    """In a container of an image that has no interpreter of its own."""
    bound = bound_in({"PATH": _PATH, **(variables or {})})
    done = docker.run(
        *("run", "--rm", "--network", "host", *flags, *bound, image, *PROGRAM, "doctor", "--format=json")
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def in_builder_image(docker: Docker, image: str, flags: Sequence[str], words: Sequence[str]) -> Said:
    """In a container of the builder image."""
    done = docker.run("run", "--rm", "--network", "host", *flags, image, "doctor", *words)
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
