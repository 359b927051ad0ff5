"""A stage as lint rules that need values see it: each instruction with the state before it, and the
variables that it used though nothing sets them. Pure."""

from __future__ import annotations

from ci_builder.build.evaluate import State, begin_from_stage, evaluate
from ci_builder.build.plan import PlannedStage
from ci_builder.context.ignore import Ignore
from ci_builder.dockerfile.instructions import Arg, Instruction, Workdir
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import PLAIN, Expansion, Rules
from ci_builder.errors import DockerfileError
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, field, fields, replace


@dataclass(frozen=True, slots=True)
class Traced:
    """``missing``: names that are not set, in the order of the alphabet."""

    instruction: Instruction
    before: State
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What a stage begins with. ``state`` is None for a stage FROM another one. ``wanted`` and ``actual``
    are platforms, the second None where it is no image out of a registry; ``ignore`` is what the build
    context leaves out."""

    state: State | None
    wanted: Platform
    actual: Platform | None
    ignore: Ignore


@dataclass(frozen=True, slots=True)
class StageTrace:
    """``steps`` end at the first instruction that cannot be evaluated: that is ``failed``, and ``error``
    says why. ``after`` is the state at the end. ``declared``: the ARGs of the stages below;
    ``workdir_set``: one of those has a WORKDIR."""

    stage: PlannedStage
    base: Base
    steps: tuple[Traced, ...]
    after: State
    declared: frozenset[str]
    workdir_set: bool
    failed: Traced | None = None
    error: DockerfileError | None = None

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
    """Evaluate ``stage``; ``below`` is the stage that it is FROM, needed where ``base`` has no state."""
    state = base.state
    if state is None:
        if below is None:
            raise ValueError("a stage without a base and without a stage below")
        state = begin_from_stage(below.after)
    declared = below.all_declared if below else frozenset[str]()
    workdir_set = below is not None and (
        below.workdir_set or any(isinstance(step.instruction, Workdir) for step in below.steps)
    )
    steps: list[Traced] = []
    for instruction in stage.instructions:
        asked: list[str] = []
        try:
            after = _evaluated(state, instruction, asked)
        except DockerfileError as error:
            failed = Traced(instruction, state, tuple(sorted(set(asked))))
            return StageTrace(stage, base, tuple(steps), state, declared, workdir_set, failed, error)
        steps.append(Traced(instruction, state, tuple(sorted(set(asked)))))
        state = after
    return StageTrace(stage, base, tuple(steps), state, declared, workdir_set)


def _evaluated(state: State, instruction: Instruction, asked: list[str]) -> State:
    """The state after ``instruction``; ``asked`` gets the names that are missing. A default that a build arg
    takes the place of is not expanded. Raises DockerfileError."""
    if isinstance(instruction, Arg):
        given = {name for name, _ in state.settings.build_args}
        args = tuple((name, None if name in given else default) for name, default in instruction.args)
        instruction = replace(instruction, args=args)
    watched = _Watched(**{item.name: getattr(state, item.name) for item in fields(State)}, asked=asked)
    after, _ = evaluate(watched, instruction)
    return State(**{item.name: getattr(after, item.name) for item in fields(State)})
