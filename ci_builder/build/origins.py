"""What the names in FROM and COPY --from stand for."""

from __future__ import annotations

import re

from ci_builder.dockerfile.instructions import Copy, Instruction, Run
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.stages import Stage, find_stage
from ci_builder.errors import InvalidValue
from ci_builder.oci.reference import Reference
from ci_builder.values import dataclass

_SCRATCH = "scratch"
_NEVER_CONTEXTS = frozenset({_SCRATCH, "context"})


@dataclass(frozen=True, slots=True)
class FromStage:
    """The stage of that index."""

    index: int


@dataclass(frozen=True, slots=True)
class FromImage:
    """An image to pull."""

    reference: Reference


@dataclass(frozen=True, slots=True)
class FromContext:
    """The named build context of that name, as the Request spells it."""

    name: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """Nothing: no files, an empty config."""


Origin = FromStage | FromImage | FromContext | Scratch


def named_origins(instruction: Instruction) -> tuple[str, ...]:
    """The texts of what an instruction takes files from, besides the build context."""
    if isinstance(instruction, Copy) and instruction.origin:
        return (instruction.origin,)
    return instruction.origins if isinstance(instruction, Run) else ()


class Names:
    """Looks names up among the stages and the named build contexts."""

    def __init__(self, stages: tuple[Stage, ...], contexts: tuple[str, ...]) -> None:
        self._stages = stages
        self._contexts = {_normalised(name): name for name in contexts if name not in _NEVER_CONTEXTS}

    def replacement(self, stage: Stage) -> FromContext | None:
        """The named build context that takes a whole stage's place."""
        return self.context(stage.name) if stage.name else None

    def base(self, name: str, stage: Stage) -> Origin:
        """What FROM ``name`` of ``stage`` means. Raises DockerfileError."""
        below = find_stage(self._stages[: stage.index], name)
        if below:
            return self.replacement(below) or FromStage(below.index)
        if name == _SCRATCH:
            return Scratch()
        try:
            return self.context(name) or FromImage(Reference.parse(name))
        except InvalidValue as error:
            raise stage.base.line.error(str(error), hint=error.hint) from error

    def origin(self, name: str, line: Line, stage: Stage) -> Origin:
        """What ``name``, of a --from in ``line`` of ``stage``, means. Raises DockerfileError."""
        found = self._by_number(name, line) if re.fullmatch(r"[+-]?[0-9]{1,9}", name) else None
        found = found or find_stage(self._stages, name)
        if found:
            return self._stage(found, line, stage, name)
        if name == _SCRATCH:
            return Scratch()
        try:
            return self.context(name) or FromImage(Reference.parse(name))
        except InvalidValue as error:
            hint = f"there is no stage, image or build context {name}"
            raise line.error(f"--from: {error}", hint=error.hint or hint) from error

    def _by_number(self, name: str, line: Line) -> Stage:
        number = int(name)
        if not 0 <= number < len(self._stages):
            number = len(self._stages)
            known = "there is 1 stage" if number == 1 else f"there are {number} stages"
            raise line.error(f"invalid stage index {name}: {known}")
        return self._stages[number]

    def _stage(self, found: Stage, line: Line, stage: Stage, name: str) -> Origin:
        replaced = self.replacement(found)
        if replaced:
            return replaced
        if found.index == stage.index:
            raise line.error(f"stage {stage.title} cannot copy from itself")
        if found.index > stage.index:
            raise line.error(
                f"cannot copy from stage {name!r}, it needs to be defined before current stage "
                f"{stage.title!r}"
            )
        return FromStage(found.index)

    def context(self, name: str) -> FromContext | None:
        """The named build context that ``name`` means where no stage is meant."""
        if name.lower() in _NEVER_CONTEXTS:
            return None
        found = self._contexts.get(_normalised(name))
        return None if found is None else FromContext(found)


def _normalised(name: str) -> str:
    """``alpine``, ``alpine:latest`` and ``docker.io/library/alpine`` are one name."""
    try:
        return Reference.parse(name).familiar.removesuffix(":latest")
    except InvalidValue:
        return name.lower()
