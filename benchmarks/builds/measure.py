"""The rounds: every case by every builder in turns, each from nothing, into a registry that forgets."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.builds.builder import Builder, Failed, Job, Took
from benchmarks.builds.cases import CASES, Case
from benchmarks.builds.peers import FLOOR
from ci_builder.executors.removal import remove_folder
from tests.servers.registry import RunningRegistry

MORE = 3
"""How many times as many rounds there are of a short case, where the machine's whims weigh more."""


@dataclass(slots=True)
class Results:
    """By case and builder: what each round took, or why none came to its end."""

    took: dict[str, dict[str, list[Took]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def least(self, case: str, builder: str) -> float | None:
        """Seconds of the fastest round."""
        return min((item.seconds for item in self.took.get(case, {}).get(builder, [])), default=None)

    def best(self, case: str, builder: str) -> Took | None:
        """The fastest round."""
        return min(self.took.get(case, {}).get(builder, []), key=lambda item: item.seconds, default=None)

    def megabytes(self, case: str, builder: str) -> float:
        """The most memory of all rounds."""
        return max((item.megabytes for item in self.took.get(case, {}).get(builder, [])), default=0.0)


@dataclass(frozen=True, slots=True)
class Bench:
    """``folder`` has the contexts by case; ``base`` is the base's reference at ``registry``."""

    folder: Path
    registry: RunningRegistry
    base: str

    def measure(self, cases: Sequence[Case], builders: Sequence[Builder], rounds: int) -> Results:
        """Every round of every case. The bare tools are measured where they can do the case, or where
        another one's bar rests on them."""
        results = Results()
        floors = {bar.of for case in cases for _, bar in case.bars}
        wanted = [case for case in CASES if case in cases or case.name in floors]
        for case in wanted:
            able = [item for item in builders if item.name == FLOOR and case.floor]
            able += [item for item in builders if item.name != FLOOR and case in cases]
            for number in range(rounds * MORE if case.short else rounds):
                for builder in able[number % len(able) :] + able[: number % len(able)]:
                    self._once(case, builder, f"{number + 1}", results)
        return results

    def _once(self, case: Case, builder: Builder, number: str, results: Results) -> None:
        if builder.name in results.failures.get(case.name, {}):
            return
        name = f"{case.name}-{builder.name}-{number}".lower().replace(" ", "-")
        try:
            with self._forgetting():
                if case.warm:
                    self._build(case, builder, f"{name}-warm", "write")
                took = self._build(case, builder, name, "read" if case.warm else "")
        except Failed as failure:
            results.failures.setdefault(case.name, {})[builder.name] = str(failure)
            print(f"{case.name} {number} {builder.name}: failed: {failure}", file=sys.stderr, flush=True)
            return
        results.took.setdefault(case.name, {}).setdefault(builder.name, []).append(took)
        parts = " ".join(f"{part} {seconds:.2f}" for part, seconds in took.parts)
        more = f" ({parts})" if parts else f" ({took.megabytes:.0f} MB)" if took.megabytes else ""
        said = f"{took.seconds:.2f} s, processor {took.processor:.2f} s{more}"
        print(f"{case.name} {number} {builder.name}: {said}", file=sys.stderr, flush=True)

    def _build(self, case: Case, builder: Builder, name: str, use: Literal["", "write", "read"]) -> Took:
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        host = self.registry.host
        tag, cache = f"{host}/bench/{name}:latest", f"{host}/bench/cache:latest" if use else ""
        try:
            os.sync()  # what was written before is no cost of this one
            return builder.build(
                Job(case, self.folder / "contexts" / case.name, self.base, tag, folder, cache, use)
            )
        finally:
            remove_folder(str(folder))

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """The registry ends as it began: what is pushed is new to it each time."""
        data = self.registry.storage / "docker/registry/v2"
        before = set((data / "blobs").glob("*/*/*"))
        try:
            yield
        finally:
            for blob in set((data / "blobs").glob("*/*/*")) - before:
                shutil.rmtree(blob)
            shutil.rmtree(data / "repositories/bench", ignore_errors=True)
