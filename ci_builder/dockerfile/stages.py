"""Stages: a FROM and the instructions up to the next one."""

from __future__ import annotations

from ci_builder.dockerfile.instructions import Instruction
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """``index`` counts from 0; ``base`` is its FROM."""

    index: int
    base: From
    instructions: tuple[Instruction, ...] = ()

    @property
    def name(self) -> str:
        """Its name in lower case, empty when it has none."""
        return self.base.name

    @property
    def title(self) -> str:
        """What people see: the name, else ``stage-0`` and so on."""
        return self.name or f"stage-{self.index}"


def find_stage(stages: tuple[Stage, ...], name: str) -> Stage | None:
    """The last stage of that name, in whatever case; with equal names the later one wins."""
    wanted = name.lower()
    return next((stage for stage in reversed(stages) if wanted and stage.name == wanted), None)
