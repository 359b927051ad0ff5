"""The plan: which stages a target needs, in which order, and what they are made from. Pure.

A name in FROM means, in this order: a named build context, an earlier stage, ``scratch``, an image. A
name in COPY --from means a named build context, a stage by name or number, an image. Stages that the
target does not need are left out. Source: Dockerfile reference, "FROM", "COPY --from"; BuildKit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ci_builder.build.evaluate.settings import PROXIES, Settings, make_settings
from ci_builder.build.origins import (
    FromContext,
    FromImage,
    FromStage,
    Names,
    Origin,
    Scratch,
    named_origins,
)
from ci_builder.build.special_args import USED_WITHOUT_ARG, check_special_args
from ci_builder.dockerfile.dockerfile import Dockerfile, parse_trigger
from ci_builder.dockerfile.instructions import Arg, Instruction, OnBuild
from ci_builder.dockerfile.stages import Stage
from ci_builder.dockerfile.words import Rules, expand
from ci_builder.errors import InvalidValue, UsageError, did_you_mean
from ci_builder.oci.platform import Platform
from ci_builder.request import CommandOptions
from ci_builder.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan depends on besides the Dockerfile.

    target    name or number of a stage; empty: the last one
    others    further targets, each as ``target``
    contexts  names of the named build contexts
    folders   those of them that are files, and no image
    onbuild   ONBUILD triggers of base images, by the index of the stage that is built on the image;
              they are known only when the image is, so plan again with them then
    everything  every stage is needed, whatever the target needs
    commands  how RUN commands run
    """

    target_platform: Platform
    build_platform: Platform
    target: str = ""
    others: tuple[str, ...] = ()
    build_args: tuple[tuple[str, str], ...] = ()
    contexts: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    onbuild: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    everything: bool = False
    commands: CommandOptions = CommandOptions()


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage that is needed.

    platform      what FROM --platform says; None: the target's
    instructions  ONBUILD triggers of the base, then its own
    origins       what each COPY --from and each from= of a RUN --mount means, by its text
    """

    stage: Stage
    base: Origin
    platform: Platform | None
    instructions: tuple[Instruction, ...]
    origins: tuple[tuple[str, Origin], ...] = ()

    @property
    def index(self) -> int:
        """The stage's number in the Dockerfile."""
        return self.stage.index

    @property
    def name(self) -> str:
        """What people see."""
        return self.stage.title

    @property
    def needs(self) -> tuple[int, ...]:
        """The stages that must be ready before it, sorted."""
        sources = [self.base, *(origin for _, origin in self.origins)]
        return tuple(sorted({origin.index for origin in sources if isinstance(origin, FromStage)}))

    def origin(self, text: str) -> Origin:
        """What ``--from=text`` of one of its instructions means."""
        return dict(self.origins)[text]


@dataclass(frozen=True, slots=True)
class Plan:
    """``stages`` in an order in which each comes after those that it needs. ``targets`` are the numbers
    of the stages that are asked for, in the order of the options; without, it is the last stage.
    ``unused_args`` are build args that nothing in the Dockerfile declares, ``unused_contexts`` named contexts
    that nothing in it names."""

    settings: Settings
    stages: tuple[PlannedStage, ...]
    unused_args: tuple[str, ...] = ()
    unused_contexts: tuple[str, ...] = ()
    targets: tuple[int, ...] = ()

    @property
    def target(self) -> PlannedStage:
        """The stage that is asked for first."""
        return next((stage for stage in self.stages if stage.index in self.targets[:1]), self.stages[-1])

    def stage(self, index: int) -> PlannedStage:
        """The one of that number."""
        return next(stage for stage in self.stages if stage.index == index)

    def line(self, index: int) -> tuple[PlannedStage, ...]:
        """The stage of that number and those that it begins with, the lowest last."""
        found = [self.stage(index)]
        while isinstance(base := found[-1].base, FromStage):
            found.append(self.stage(base.index))
        return tuple(found)

    @property
    def of_images(self) -> frozenset[int]:
        """The numbers of the stages that layers of the images are made in."""
        return frozenset(stage.index for target in self.targets for stage in self.line(target))

    def is_needed(self, index: int) -> bool:
        """Whether another stage is made from the one with this number."""
        return any(index in stage.needs for stage in self.stages)

    @property
    def sources(self) -> tuple[Origin, ...]:
        """The images and named contexts that are needed, each once, in the order of their first use."""
        found: dict[Origin, None] = {}
        for stage in self.stages:
            for origin in (stage.base, *(item for _, item in stage.origins)):
                if isinstance(origin, (FromImage, FromContext)):
                    found[origin] = None
        return tuple(found)


def plan(dockerfile: Dockerfile, options: PlanOptions) -> Plan:
    """Make the plan. Raises UsageError for an unknown target, DockerfileError for everything that is
    wrong in the file, Unsupported for another frontend."""
    check_special_args(options.build_args)
    stages = dockerfile.stages
    targets = [_target(stages, text) for text in (options.target, *options.others)]
    settings = make_settings(
        dockerfile.global_args,
        options.build_args,
        target_platform=options.target_platform,
        build_platform=options.build_platform,
        target=targets[0].name,
    )
    settings = replace(settings, commands=options.commands)
    planner = _Planner(dockerfile, options, settings)
    planned = planner.needed(targets)
    numbers = tuple(stage.index for stage in targets)
    return Plan(settings, planned, _unused(dockerfile, settings), planner.unused_contexts(planned), numbers)


class _Planner:
    def __init__(self, dockerfile: Dockerfile, options: PlanOptions, settings: Settings) -> None:
        self.options = options
        self.variables = dict(settings.global_args)
        self.names = Names(dockerfile.stages, options.contexts)
        # Every FROM is expanded, needed or not: a blank one is an error all the same.
        self.bases = [self._base(stage) for stage in dockerfile.stages]
        self.stages = dockerfile.stages

    def needed(self, targets: Sequence[Stage]) -> tuple[PlannedStage, ...]:
        """The targets and what they need, in order. Recursion is bounded: edges only go to earlier stages."""
        done: dict[int, PlannedStage] = {}
        wanted = self.stages if self.options.everything else targets
        waiting = {stage.index for stage in wanted}
        while waiting:
            index = max(waiting)
            waiting.remove(index)
            done[index] = self._planned(self.stages[index])
            waiting.update(need for need in done[index].needs if need not in done)
        return tuple(done[index] for index in sorted(done))

    def unused_contexts(self, planned: Sequence[PlannedStage]) -> tuple[str, ...]:
        """The named contexts that nothing names, in stages that are needed or not, triggers included."""
        used: set[Origin | None] = {
            origin for stage in planned for origin in (stage.base, *(item for _, item in stage.origins))
        }
        for stage in self.stages:
            origins = (name for instruction in stage.instructions for name in named_origins(instruction))
            used.update(map(self.names.context, (stage.name, self.bases[stage.index], *origins)))
        return tuple(name for name in self.options.contexts if FromContext(name) not in used)

    def _planned(self, stage: Stage) -> PlannedStage:
        replaced = self.names.replacement(stage)
        base = replaced or self.names.base(self.bases[stage.index], stage)
        instructions = () if replaced else (*self._triggers(stage, base), *stage.instructions)
        origins: dict[str, Origin] = {}
        for instruction in instructions:
            for name in named_origins(instruction):
                origins[name] = self.names.origin(name, instruction.line, stage)
        if isinstance(base, FromContext) and base.name in self.options.folders:
            # Its files are all that there is of it.
            copy = parse_trigger(f"COPY --from={base.name} / /", stage.base.line)
            origins[base.name] = base
            base, instructions = Scratch(), (copy, *instructions)
        return PlannedStage(stage, base, self._platform(stage), instructions, tuple(origins.items()))

    def _triggers(self, stage: Stage, base: Origin) -> tuple[Instruction, ...]:
        if isinstance(base, FromStage):
            below = self.stages[base.index].instructions
            texts = tuple(item.trigger for item in below if isinstance(item, OnBuild))
        else:
            texts = tuple(self.options.onbuild.get(stage.index, ()))
        return tuple(parse_trigger(text, stage.base.line) for text in texts)

    def _base(self, stage: Stage) -> str:
        expanded = self._expand(stage, stage.base.base)
        if not expanded:
            raise stage.base.line.error(
                f"base name ({stage.base.base}) should not be blank", hint=self._hint(stage, stage.base.base)
            )
        return expanded

    def _platform(self, stage: Stage) -> Platform | None:
        if not stage.base.platform:
            return None
        text = self._expand(stage, stage.base.platform)
        try:
            return Platform.parse(text)
        except InvalidValue as error:
            hint = self._hint(stage, stage.base.platform)
            raise stage.base.line.error(f"--platform={stage.base.platform}: {error}", hint=hint) from error

    def _expand(self, stage: Stage, text: str) -> str:
        line = stage.base.line
        try:
            return expand(text, self.variables, Rules(escape=line.escape)).text
        except InvalidValue as error:
            raise line.error(f"{text!r}: {error.reason}") from error

    def _hint(self, stage: Stage, text: str) -> str:
        missing = expand(text, self.variables, Rules(escape=stage.base.line.escape)).missing
        close = [did_you_mean(name, self.variables) for name in sorted(missing)]
        undeclared = f"declare it above the first FROM: ARG {min(missing)}=…" if missing else ""
        return next((hint for hint in close if hint), undeclared)


def _target(stages: tuple[Stage, ...], wanted: str) -> Stage:
    if not wanted:
        return stages[-1]
    named = [stage for stage in stages if stage.name == wanted.lower()]
    if named:
        return named[-1]
    if wanted.isascii() and wanted.isdigit() and int(wanted[:9]) < len(stages):
        return stages[int(wanted[:9])]
    known = [stage.name for stage in stages if stage.name]
    listed = ", ".join(known) if known else "no stage has a name"
    close = did_you_mean(wanted.lower(), known)
    raise UsageError(f"target stage {wanted!r} could not be found; the targets are: {listed}", hint=close)


def _unused(dockerfile: Dockerfile, settings: Settings) -> tuple[str, ...]:
    declared = set(USED_WITHOUT_ARG)
    declared.update(name for name, _ in settings.global_args)
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            if isinstance(instruction, Arg):
                declared.update(name for name, _ in instruction.args)
    return tuple(
        name for name, _ in settings.build_args if name not in declared and name.upper() not in PROXIES
    )
