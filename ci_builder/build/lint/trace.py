"""A stage as lint rules that need values see it: each instruction with the state before it, and the
variables that it used though nothing sets them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from ci_builder.build.evaluate import State, evaluate
from ci_builder.build.plan import PlannedStage
from ci_builder.context.ignore import Ignore
from ci_builder.dockerfile.instructions import Arg, Instruction, Workdir
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import PLAIN, Expansion, Rules
from ci_builder.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Traced:
    """``missing``: names that are not set, in the order of the alphabet."""

    instruction: Instruction
    before: State
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What a stage begins with. ``wanted`` and ``actual`` are platforms, the second None where it is not an
    image out of a registry; ``ignore`` is what the build context leaves out."""

    state: State
    wanted: Platform
    actual: Platform | None
    ignore: Ignore


@dataclass(frozen=True, slots=True)
class StageTrace:
    """``declared``: the ARGs of the stages below; ``workdir_set``: one of those has a WORKDIR."""

    stage: PlannedStage
    base: Base
    steps: tuple[Traced, ...]
    declared: frozenset[str]
    workdir_set: bool

    @property
    def all_declared(self) -> frozenset[str]:
        """The ARGs that are declared where the stage ends."""
        args = [step.instruction for step in self.steps if isinstance(step.instruction, Arg)]
        return self.declared.union(name for arg in args for name, _ in arg.args)


@dataclass(frozen=True, slots=True)
class _Watched(State):
    """A State that notes the names that it is asked for and does not have."""

    asked: list[str] = field(default_factory=list, compare=False)

    def expansion(self, text: str, line: Line, rules: Rules = PLAIN) -> Expansion:
        found = State.expansion(self, text, line, rules)
        self.asked.extend(found.missing)
        return found


def trace(stage: PlannedStage, base: Base, below: StageTrace | None) -> StageTrace:
    """Evaluate ``stage``; ``below`` is the stage that it is FROM. Raises DockerfileError."""
    state = base.state
    steps: list[Traced] = []
    given = frozenset(name for name, _ in base.state.settings.build_args)
    for instruction in stage.instructions:
        asked: list[str] = []
        watched = _Watched(**{item.name: getattr(state, item.name) for item in fields(State)}, asked=asked)
        after, _ = evaluate(watched, _without_unused_defaults(instruction, given))
        steps.append(Traced(instruction, state, tuple(sorted(set(asked)))))
        state = State(**{item.name: getattr(after, item.name) for item in fields(State)})
    declared = below.all_declared if below else frozenset[str]()
    workdir_set = below is not None and (
        below.workdir_set or any(isinstance(step.instruction, Workdir) for step in below.steps)
    )
    return StageTrace(stage, base, tuple(steps), declared, workdir_set)


def _without_unused_defaults(instruction: Instruction, given: frozenset[str]) -> Instruction:
    """A default that a build arg takes the place of is not expanded."""
    if not isinstance(instruction, Arg):
        return instruction
    args = tuple((name, None if name in given else default) for name, default in instruction.args)
    return replace(instruction, args=args)
