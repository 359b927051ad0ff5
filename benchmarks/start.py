"""Measures the start: from the interpreter's exec to the opening of the Dockerfile, the first useful work.

The Dockerfile is watched by the kernel (inotify(7)), so nothing of the program is changed for it. What is
built has no RUN and goes to a tar, so that the whole is hardly more than the start. Figures are for people:
no test looks at them.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.installed import Installed, suitable_python
from benchmarks.readme import today, write_between_marks

_IN_OPEN = 0x20
_BAR = 0.080


@dataclass(frozen=True, slots=True)
class Command:
    """A way to build the context in the working directory."""

    title: str
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)


COMMANDS = (
    Command("`build`", ("build", "--output=type=tar,dest=../image.tar", ".")),
    Command(
        "`ci`, by a push's variables in GitLab",
        ("ci",),
        {
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": ".",
            "CI_PROJECT_PATH": "team/app",
            "CI_COMMIT_SHA": "0" * 40,
            "CI_COMMIT_REF_NAME": "main",
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_REF_SLUG": "main",
            "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_SOURCE": "push",
            "CI_BUILDER_OUTPUTS": "type=tar,dest=../image.tar",
            "CI_BUILDER_PUSH": "false",
        },
    ),
    Command(
        "`executor`, kaniko's options",
        ("executor", "--context=.", "--no-push", "--tar-path=../image.tar", "--destination=app"),
    ),
)


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from exec to the opening of the Dockerfile, and to the end of the whole build."""

    opened: float
    ended: float


def start(installed: Installed, command: Command, folder: Path) -> Start:
    """Build once. Raises RuntimeError for a build that fails."""
    context = folder / "context"
    watch = _watch(context / "Dockerfile")
    try:
        began = time.perf_counter()
        with subprocess.Popen(
            [*installed.program, *command.words],
            cwd=context,
            env=installed.environment(folder) | command.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            # A build that never opens it has an end as well: its error is told.
            os.set_blocking(watch, False)
            opened = None
            while opened is None and process.poll() is None:
                try:
                    os.read(watch, 4096)
                    opened = time.perf_counter() - began
                except BlockingIOError:
                    time.sleep(0.0002)
            said = process.communicate()[1]
            ended = time.perf_counter() - began
    finally:
        os.close(watch)
    if process.returncode or opened is None:
        raise RuntimeError(f"{command.title}:\n{said.decode(errors='replace')}")
    return Start(opened, ended)


def _watch(path: Path) -> int:
    """A descriptor that can be read when somebody opens ``path``. Raises OSError."""
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = int(system.inotify_init1(os.O_CLOEXEC))
    if descriptor >= 0 and system.inotify_add_watch(descriptor, os.fsencode(path), _IN_OPEN) >= 0:
        return descriptor
    number = ctypes.get_errno()
    if descriptor >= 0:
        os.close(descriptor)
    raise OSError(number, "inotify", str(path))


def _bare(python: str) -> float:
    """Seconds of an interpreter that does nothing."""
    began = time.perf_counter()
    subprocess.run([python, "-c", "pass"], check=True)
    return time.perf_counter() - began


def table(starts: dict[str, list[Start]], bare: float) -> str:
    """Markdown: a row for each command, the least and the middle of all rounds in milliseconds."""
    rows = [["", "to the Dockerfile", "the middle", "whole build", f"bar: {_BAR * 1000:.0f} ms"]]
    rows.append(["---", *["---:"] * 3, "---"])
    for title, found in starts.items():
        opened = sorted(item.opened for item in found)
        times = [opened[0], opened[len(opened) // 2], min(item.ended for item in found)]
        verdict = "met" if times[1] < _BAR else "missed"
        rows.append([title, *(f"{seconds * 1000:.0f} ms" for seconds in times), verdict])
    rows.append(["the interpreter alone", "", "", f"{bare * 1000:.0f} ms", ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Measure, print the table, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, metavar="NUMBER", help="default: %(default)s")
    parser.add_argument("--python", default=suitable_python(), metavar="PATH", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, metavar="PATH", help="where to build; /dev/shm has no disk")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ci-builder-start-", dir=arguments.folder) as name:
        folder = Path(name)
        installed = Installed.make(folder / "installed", arguments.python)
        (folder / "context").mkdir()
        (folder / "context/Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
        (folder / "context/file").write_text("text\n")
        starts: dict[str, list[Start]] = {command.title: [] for command in COMMANDS}
        bare = []
        for _ in range(arguments.rounds):
            bare.append(_bare(arguments.python))
            for command in COMMANDS:
                starts[command.title].append(start(installed, command, folder))
    found = table(starts, min(bare))
    print(found)
    if arguments.write:
        where = f"Linux {platform.release()}, {platform.machine()}"
        rounds = f"the least of {arguments.rounds} interleaved rounds"
        write_between_marks("start", f"{found}\n\n{today()}, {where}; {rounds}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
