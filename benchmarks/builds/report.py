"""What was measured, as a table in Markdown, with the bars and whether they are met."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds.builder import Builder
from benchmarks.builds.cases import Bar, Case
from benchmarks.builds.measure import MORE, Results
from benchmarks.builds.peers import FLOOR
from benchmarks.readme import today, write_between_marks

_OURS = ("namespace", "in-place", "ptrace")


@dataclass(frozen=True, slots=True)
class Report:
    """The results of ``cases`` by ``builders``, each the least of ``rounds``."""

    results: Results
    cases: tuple[Case, ...]
    builders: tuple[Builder, ...]
    rounds: int

    def table(self) -> str:
        """A row for each case: seconds, and times the bare tools where these can do the case."""
        rows = [["", *(item.title for item in self.builders), "bars"]]
        rows.append(["---", *("---:" for _ in self.builders), "---"])
        for case in self.cases:
            cells = [self._cell(case, item.name) for item in self.builders]
            rows.append([f"{case.name} {case.title}", *cells, "; ".join(self._bars(case))])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def details(self) -> str:
        """Memory, processor time where commands take none, the bare tools' parts, failures: a line each."""
        lines = []
        for case in self.cases:
            memory = [
                f"{item.title} {amount:.0f} MB"
                for item in self.builders
                if (amount := self.results.megabytes(case.name, item.name)) and item.name != FLOOR
            ]
            lines += [f"- {case.name}, the most memory of one process: {', '.join(memory)}"] if memory else []
        for case in (case for case in self.cases if not case.busy):
            used = [
                f"{item.title} {took.processor:.2f} s"
                for item in self.builders
                if (took := self.results.best(case.name, item.name)) is not None
            ]
            lines += [f"- {case.name}, processor time: {', '.join(used)}"] if used else []
        for case in self.cases:
            floor = self.results.best(case.name, FLOOR)
            parts = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in floor.parts) if floor else ""
            lines += [f"- {case.name}, bare tools: {parts}"] if parts else []
        for case in self.cases:
            failures = self.results.failures.get(case.name, {})
            lines += [f"- {case.name}, {name}: {_shown(why)}" for name, why in failures.items()]
        return "\n".join(lines)

    def _cell(self, case: Case, builder: str) -> str:
        if builder in self.results.failures.get(case.name, {}):
            return "failed"
        seconds, floor = self.results.least(case.name, builder), self.results.least(case.name, FLOOR)
        if seconds is None:
            return ""
        times = f" ({seconds / floor:.2f} ×)" if floor and builder != FLOOR else ""
        return f"{seconds:.2f} s{times}"

    def _bars(self, case: Case) -> list[str]:
        said = [text for name, bar in case.bars if (text := self._bar(case, name, bar))]
        mine = [(name, self.results.least(case.name, name)) for name in ("namespace",)]
        theirs = [
            seconds
            for item in self.builders
            if item.name not in (*_OURS, FLOOR)
            and (seconds := self.results.least(case.name, item.name)) is not None
        ]
        for name, seconds in mine:
            if seconds is not None and theirs:
                said.append(f"{name} below every peer: {_verdict(seconds < min(theirs))}")
        return said

    def _bar(self, case: Case, builder: str, bar: Bar) -> str:
        seconds, floor = self.results.least(case.name, builder), self.results.least(bar.of, FLOOR)
        if seconds is None or floor is None:
            return ""
        limit = bar.seconds + bar.factor * floor
        of = "" if bar.of == case.name else f" of {bar.of}"
        more = f"{bar.seconds:g} s + " if bar.seconds else ""
        return f"{builder} ≤ {more}{bar.factor:g} ×{of} ({limit:.2f} s): {_verdict(seconds <= limit)}"


def write_readme(report: Report, folder: Path) -> None:
    """Put the table between the marks of README.md."""
    where = f"Linux {platform.release()}, {platform.machine()}"
    short = [case.name for case in report.cases if case.short]
    more = f" ({' and '.join(short)}: of {report.rounds * MORE})" if short else ""
    said = f"{today()}, {where}; the least of {report.rounds} interleaved rounds{more} in {folder}."
    said += " In brackets: times the bare tools."
    chart = "![Seconds by builder and case](builds.svg)"
    inside = f"{report.table()}\n\n{chart}\n\n{said}\n\n{report.details()}".rstrip()
    write_between_marks("builds", inside)


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


def _shown(text: Sequence[str] | str) -> str:
    """On one line, without what Markdown would take for its own."""
    return " ".join(str(text).split()).replace("|", "/").replace("<", "‹")
