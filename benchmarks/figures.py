"""What was measured, as a table and as JSON."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from benchmarks.readme import today, write_between_marks
from benchmarks.surroundings import NOT_MEASURED, TITLES
from benchmarks.workloads import MORE, WORKLOADS, Workload

FLOOR = "native"


@dataclass(frozen=True, slots=True)
class Figures:
    """``seconds`` of each round by workload and executor; ``failures`` in place of what did not run.
    ``interpreter`` is what ran ours."""

    rounds: int
    executors: tuple[str, ...]
    interpreter: str
    seconds: dict[str, dict[str, list[float]]]
    failures: dict[str, dict[str, str]]

    def least(self, workload: str, executor: str) -> float | None:
        """The fastest round in seconds."""
        return min(self.seconds.get(workload, {}).get(executor, []), default=None)

    def ratio(self, workload: str, executor: str) -> float | None:
        """The fastest round against the floor's."""
        mine, floor = self.least(workload, executor), self.least(workload, FLOOR)
        return None if mine is None or floor is None else mine / floor

    def as_json(self) -> dict[str, object]:
        """Everything, with the ratios."""
        ratios = {
            workload: {name: self.ratio(workload, name) for name in self.executors}
            for workload in self.seconds
        }
        return {
            "rounds": self.rounds,
            "seconds": self.seconds,
            "ratios": ratios,
            "failures": self.failures,
            "bars": {workload.name: workload.bar for workload in WORKLOADS if workload.bar},
        }


def table(figures: Figures) -> str:
    """Markdown: a row for each workload, the floor in seconds, the others as ratios, the bar of ptrace."""
    others = [name for name in figures.executors if name != FLOOR]
    heads = ["", TITLES[FLOOR], *(TITLES[name] for name in others), "bar of ptrace"]
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for workload in WORKLOADS:
        if workload.name in figures.seconds:
            floor = figures.least(workload.name, FLOOR)
            cells = [f"{floor:.3f} s" if floor is not None else "failed"]
            cells += [_times(figures, workload.name, name) for name in others]
            rows.append([workload.title, *cells, _bar(figures, workload)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_readme(figures: Figures, folder: Path) -> None:
    """Put the table between the marks of README.md."""
    where = f"Linux {platform.release()}, {platform.machine()}, {figures.interpreter}"
    more = f"{', '.join(item.name for item in WORKLOADS if item.short)}: of {figures.rounds * MORE}"
    said = f"{today()}, {where}; the least of {figures.rounds} interleaved rounds ({more}) in {folder}."
    write_between_marks("executors", f"{table(figures)}\n\n{said}\n{NOT_MEASURED}")


def _times(figures: Figures, workload: str, executor: str) -> str:
    ratio = figures.ratio(workload, executor)
    if executor in figures.failures.get(workload, {}):
        return "failed"
    return "" if ratio is None else f"{ratio:.2f} ×"


def _bar(figures: Figures, workload: Workload) -> str:
    if workload.bar is None:
        return ""
    ratio = figures.ratio(workload.name, "ptrace")
    verdict = "" if ratio is None else ", met" if ratio <= workload.bar else ", missed"
    return f"{workload.bar:g} ×{verdict}"
