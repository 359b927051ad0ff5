"""Measures the executors against a native chroot: how many times as long the same commands take.

Everything is measured in one run, the rounds of all executors interleaved, and the least of each is
taken. Needs root, and Debian's mmdebstrap for the root file systems, which are kept in the tests' cache.
Only Workspace.run is timed. Figures are for people: no test looks at them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import FLOOR, Figures, table, write_readme
from benchmarks.installed import Installed, suitable_python
from benchmarks.surroundings import MAKERS
from benchmarks.workloads import MORE, WORKLOADS, Workload, layout
from ci_builder.executors.removal import remove_folder

_ROOT = Path(__file__).resolve().parents[1]


class Worker:
    """A process that measures one executor; ``interpreter`` is what runs it."""

    def __init__(self, name: str, folder: Path, installed: Installed) -> None:
        self.name = name
        self._state = folder / name
        self._state.mkdir(mode=0o755)
        program = [installed.python, "-m", "benchmarks.worker"]
        self._process = subprocess.Popen(
            [*program, name, str(self._state), str(folder / "layouts")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(installed.packages)},
        )
        self.interpreter = str(self._read().get("ready", ""))
        self.failure = "" if self.interpreter else "it could not be entered, see above"

    def measure(self, workload: str) -> dict[str, object]:
        """``seconds`` or ``failure`` of one round."""
        assert self._process.stdin is not None
        if self.failure:
            return {"failure": self.failure}
        self._process.stdin.write(json.dumps(workload) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if not answer:
            self.failure = "the process ended"
        return answer or {"failure": self.failure}

    def end(self) -> None:
        """Let it remove what it made."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(120)

    def _read(self) -> dict[str, object]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, object] = json.loads(line) if line else {}
        return found


def measure(
    executors: Sequence[str], workloads: Sequence[Workload], rounds: int, where: tuple[Path, str]
) -> Figures:
    """Every round of every workload by every executor, in turns; ``where``: the folder that is used, and the
    interpreter."""
    parent, python = where
    folder = Path(tempfile.mkdtemp(prefix="ci-builder-benchmark-", dir=parent))
    folder.chmod(0o755)
    for image in {workload.image for workload in workloads}:
        # The cache may lie where only root gets to.
        shutil.copytree(layout(image), folder / "layouts" / image)
    installed = Installed.make(folder / "installed", python)
    workers = [Worker(name, folder, installed) for name in executors]
    seconds: dict[str, dict[str, list[float]]] = {item.name: {} for item in workloads}
    failures: dict[str, dict[str, str]] = {}
    try:
        for workload in workloads:
            for number in range(rounds * MORE if workload.short else rounds):
                # Each begins a round in its turn.
                for worker in workers[number % len(workers) :] + workers[: number % len(workers)]:
                    os.sync()  # what was written before is no cost of this one
                    answer = worker.measure(workload.name)
                    _note(workload.name, number, worker.name, answer)
                    if isinstance(took := answer.get("seconds"), float):
                        seconds[workload.name].setdefault(worker.name, []).append(took)
                    else:
                        failures.setdefault(workload.name, {})[worker.name] = str(answer["failure"])
    finally:
        for worker in workers:
            worker.end()
        remove_folder(str(folder))
    return Figures(rounds, tuple(executors), workers[0].interpreter, seconds, failures)


def _note(workload: str, number: int, executor: str, answer: dict[str, object]) -> None:
    took = answer.get("seconds")
    text = f"{took:.3f} s" if isinstance(took, float) else str(answer.get("failure"))
    print(f"{workload} {number + 1} {executor}: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print the table, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.executors", description=__doc__)
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--rounds", type=int, default=3, help="of each workload (default: %(default)s)")
    parser.add_argument(
        "--executors",
        nargs="+",
        choices=list(MAKERS),
        default=list(MAKERS),
        metavar="NAME",
        help=f"beside {FLOOR}, of {', '.join(MAKERS)}",
    )
    parser.add_argument(
        "--workloads", nargs="+", choices=names, default=names, metavar="NAME", help=f"of {', '.join(names)}"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),
        metavar="PATH",
        help="where 3 GB are unpacked (default: %(default)s); a tmpfs leaves the disk out of it",
    )
    parser.add_argument("--python", default=suitable_python(), help="runs ours (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the floor is a chroot of root: run it as root")
    executors = [FLOOR, *(name for name in arguments.executors if name != FLOOR)]
    chosen = [workload for workload in WORKLOADS if workload.name in arguments.workloads]
    figures = measure(executors, chosen, arguments.rounds, (arguments.folder, arguments.python))
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures.as_json(), indent=1) + "\n")
    if arguments.write:
        write_readme(figures, arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
