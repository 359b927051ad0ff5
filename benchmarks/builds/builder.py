"""What a builder is here, and how one build of it is timed."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from benchmarks.builds.cases import Case
from benchmarks.builds.processes import Watch, processor_seconds

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE = 900


class Failed(Exception):
    """A build that did not come to its end; why, in one line."""


@dataclass(frozen=True, slots=True)
class Job:
    """One build: ``context`` of ``case``, on ``base``, pushed as ``tag``. ``folder`` is new, and removed with
    all that the builder leaves in it. ``cache`` is a reference in the registry to write to or read from."""

    case: Case
    context: Path
    base: str
    tag: str
    folder: Path
    cache: str = ""
    use: Literal["", "write", "read"] = ""


@dataclass(frozen=True, slots=True)
class Took:
    """``seconds`` from the start to the end, and ``processor`` seconds on the way; ``megabytes`` is the most
    that one of its processes had in memory, 0 where nobody looked; ``parts`` are seconds by name, where the
    builder tells."""

    seconds: float
    processor: float
    megabytes: float = 0.0
    parts: tuple[tuple[str, float], ...] = ()


class Builder(Protocol):
    """Builds and pushes with no state of an earlier build."""

    @property
    def name(self) -> str:
        """What the command line calls it."""
        ...

    @property
    def title(self) -> str:
        """The head of its column."""
        ...

    def build(self, job: Job) -> Took:
        """Do the job. Raises Failed."""
        ...


def timed(
    command: Sequence[str],
    job: Job,
    environment: Mapping[str, str] | None = None,
    processes: Sequence[int] = (),
) -> Took:
    """Run ``command`` to its end. ``processes`` are looked at, besides its own, where the case wants to know
    the memory. Raises Failed for any exit code but 0."""
    log = job.folder / "log"
    used = processor_seconds(processes)
    began = time.perf_counter()
    with log.open("ab") as output:
        running = subprocess.Popen(
            command,
            cwd=job.folder,
            env={"PATH": PATH, "LANG": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        watch = Watch((running.pid, *processes)) if job.case.memory else None
        if not _has_ended(running.pid):
            running.kill()
            running.wait()
            raise Failed(f"not done after {_PATIENCE} s")
        code = running.wait()
        seconds = time.perf_counter() - began
        megabytes = watch.end() if watch else 0.0
    used = processor_seconds(processes) - used
    if code:
        raise Failed(f"{os.path.basename(command[0])}: exit code {code}: {last_line(log)}")
    return Took(seconds, used, megabytes)


def _has_ended(process: int) -> bool:
    """Whether it ends while there is patience. (Popen.wait with a time-out may sleep 50 ms too long.)"""
    descriptor = os.pidfd_open(process)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(_PATIENCE * 1000))
    finally:
        os.close(descriptor)


def last_line(log: Path) -> str:
    """Of what was printed, the last line that says what went wrong, or simply the last."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()]
    return (wrong or lines or [""])[-1].strip()[:300]
