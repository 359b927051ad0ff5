"""Looking ahead: what the cache has of each stage, and which stages a build needs for the rest. Nothing is
pulled, unpacked or run for it (issue 5, "A fully cached build moves no layer")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ci_builder.build.action import Step
from ci_builder.build.origins import FromStage
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.build.stage import Found, StageWork
from ci_builder.cache.record import Record
from ci_builder.oci.image import Image
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known before anything is built: what each stage that is needed finds in the cache, and which
    steps it has to do then."""

    found: Mapping[int, Found]
    missing: Mapping[int, tuple[Step, ...]]

    @property
    def records(self) -> tuple[Record, ...]:
        """Everything that was found."""
        return tuple(record for found in self.found.values() for record in found.records)

    @property
    def makes(self) -> bool:
        """Whether a layer has to be made."""
        return any(self.missing.values())

    @property
    def runs(self) -> bool:
        """Whether a command has to be run."""
        return any(step.runs for missing in self.missing.values() for step in missing)


class Looking:
    """Looks ahead, from the targets to what they need. ``image_of`` is a stage's image when nothing of it is
    missing (its last layers found), ``look`` what is found of it on its base."""

    def __init__(
        self,
        planned: Plan,
        works: Mapping[int, StageWork],
        base: Callable[[PlannedStage], Image],
        look: Callable[[PlannedStage, Image], Found],
    ) -> None:
        self._stages = {stage.index: stage for stage in planned.stages}
        self._works = works
        self._base = base
        self._look = look
        self._found: dict[int, Found] = {}
        self._missing: dict[int, tuple[Step, ...]] = {}
        self._images: dict[int, Image | None] = {}

    def ahead(self, targets: tuple[int, ...]) -> Ahead:
        """What the stages with these numbers need."""
        waiting = list(targets)
        needed: set[int] = set()
        while waiting:
            index = waiting.pop()
            if index in needed:
                continue
            needed.add(index)
            self._image(index)
            waiting += self._needs(index)
        return Ahead(
            {index: self._found[index] for index in sorted(needed)},
            {index: self._missing[index] for index in sorted(needed)},
        )

    def _needs(self, index: int) -> Iterator[int]:
        stage = self._stages[index]
        if isinstance(stage.base, FromStage):
            yield stage.base.index
        for step in self._missing[index]:
            for text in step.origins:
                origin = stage.origin(text)
                if isinstance(origin, FromStage):
                    yield origin.index

    def _image(self, index: int) -> Image | None:
        """The layers that a stage ends with, None when it has to be built to know them."""
        if index in self._images:
            return self._images[index]
        stage, work = self._stages[index], self._works[index]
        base = self._image(stage.base.index) if isinstance(stage.base, FromStage) else self._base(stage)
        found = Found() if base is None else self._look(stage, base)
        self._found[index] = found
        self._missing[index] = found.missing(work)
        self._images[index] = None
        if base is not None and not self._missing[index]:
            self._images[index] = found.on(base)
        return self._images[index]
