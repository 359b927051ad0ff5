"""Measures how time and memory of a build grow with the number of files and of steps.

Each figure is of one whole build in a process of its own, by the command line: seconds, processor seconds
(the commands of RUN included), and the peak of resident memory of the largest process of the builder, without
the commands. Needs root. Figures are for people: no test looks at them (tests/outputs/test_memory.py has
a limit of its own).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.growth_cases import CASES, Case
from benchmarks.readme import today, write_between_marks
from ci_builder.executors.removal import remove_folder
from tests.compare.builders import environment
from tests.compare.peak import Peak
from tests.servers.bases import busybox

_START = "from ci_builder.cli.main import console; raise SystemExit(console())"


@dataclass(frozen=True, slots=True)
class Measured:
    """One build of ``count`` files or steps: ``seconds``, processor seconds, and ``peak`` in bytes."""

    case: str
    count: int
    seconds: float
    processor: float
    peak: int


def measure(case: Case, count: int, parent: Path) -> Measured:
    """Build once, in a folder of its own below ``parent``. Raises RuntimeError for a build that fails."""
    folder = Path(tempfile.mkdtemp(prefix="ci-builder-growth-", dir=parent))
    try:
        (folder / "tmp").mkdir()
        (folder / "context").mkdir()
        shutil.copytree(busybox().layout, folder / "busybox")
        case.prepare(folder, count)
        os.sync()  # what was written before is no cost of this one
        before, began = _processor(), time.perf_counter()
        with Peak(str(folder)) as peak:
            done = subprocess.run(
                _command(case, folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                cwd=folder,
                env=environment(folder) | {"TMPDIR": str(folder / "tmp")},
            )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{case.name}, {count}:\n{done.stderr.decode(errors='replace')[-2000:]}")
        return Measured(case.name, count, seconds, _processor() - before, peak.largest)
    finally:
        remove_folder(str(folder))


def _command(case: Case, folder: Path) -> list[str]:
    build = [sys.executable, "-c", _START, "build", f"--isolation={case.isolation}", "--progress=plain"]
    build += [f"--build-context=busybox=oci-layout://{folder / 'busybox'}"]
    build += [f"--output=type=oci,tar=false,dest={folder / 'image'}", str(folder / "context")]
    if case.isolation != "chroot":
        return build
    # Whatever goes wrong in a chroot stays in it.
    return ["unshare", "--mount", "--pid", "--fork", "--mount-proc", *build]


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(figures: Sequence[Measured]) -> str:
    """Markdown: a row for each build; how many times as much as the one before of the same case."""
    rows = [["", "number", "seconds", "processor seconds", "times as many", "times the processor", "peak"]]
    rows.append(["---", *["---:"] * 6])
    before: Measured | None = None
    for item in figures:
        same = before is not None and before.case == item.case
        more = [
            f"{item.count / before.count:g}" if same and before is not None else "",
            f"{item.processor / before.processor:.1f}" if same and before is not None else "",
        ]
        title = "" if same else next(case.title for case in CASES if case.name == item.case)
        numbers = [f"{item.count:,}", f"{item.seconds:.1f}", f"{item.processor:.1f}"]
        rows.append([title, *numbers, *more, f"{item.peak / 1e6:.0f} MB"])
        before = item
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _write_readme(figures: Sequence[Measured], folder: Path) -> None:
    where = f"Linux {platform.release()}, {platform.machine()}, Python {platform.python_version()}"
    write_between_marks("growth", f"{table(figures)}\n\n{today()}, {where}; one build each, in {folder}.")


def main() -> int:
    """Measure, print the table, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument(
        "--cases", nargs="+", choices=names, default=names, metavar="NAME", help=f"of {', '.join(names)}"
    )
    parser.add_argument(
        "--files", nargs="+", type=int, default=[10_000, 100_000, 1_000_000], metavar="NUMBER"
    )
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 20, 200], metavar="NUMBER")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),
        metavar="PATH",
        help="where a million files are made (default: %(default)s); a tmpfs leaves the disk out of it",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the executors that are measured need root")
    figures = []
    for case in CASES:
        if case.name in arguments.cases:
            for count in arguments.steps if case.counts == "steps" else arguments.files:
                figures.append(measure(case, count, arguments.folder))
                print(table(figures[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(item) for item in figures], indent=1) + "\n")
    if arguments.write:
        _write_readme(figures, arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
