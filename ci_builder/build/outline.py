"""What a target takes from outside: build args, secrets, agents, caches (``--call=outline``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.instructions import Arg, Run
from ci_builder.dockerfile.instructions.run_mount import RunMount, parse_mount
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.targets import description_of
from ci_builder.errors import DockerfileError
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_VARIABLE = pattern(r"\$\{?(\w+)")


@dataclass(frozen=True, slots=True)
class OutlineArg:
    """An ARG. ``value`` is what it has in this build, None for none; ``description`` the rest of the comment
    above it that begins with its name."""

    name: str
    description: str
    value: str | None
    line: Line


@dataclass(frozen=True, slots=True)
class OutlineMount:
    """A secret, an agent or a cache that a RUN names."""

    id: str
    required: bool
    line: Line


@dataclass(frozen=True, slots=True)
class Outline:
    """Of the target ``name``, which is its number where it has none. Each thing once, in the order of the
    Dockerfile."""

    name: str
    description: str
    args: tuple[OutlineArg, ...]
    secrets: tuple[OutlineMount, ...]
    ssh: tuple[OutlineMount, ...]
    caches: tuple[OutlineMount, ...]


def outline(dockerfile: Dockerfile, planned: Plan) -> Outline:
    """Of the target of a plan, with the stages that it needs."""
    stage = planned.target.stage
    mounts = [(mount, run.line) for run in _runs(planned.stages) for mount in _mounts(run)]
    return Outline(
        stage.name or str(stage.index),
        description_of(stage.base.line.comments, stage.name),
        tuple(_args(dockerfile, planned)),
        _of_kind(mounts, "secret"),
        _of_kind(mounts, "ssh"),
        _of_kind(mounts, "cache"),
    )


def _runs(stages: Iterable[PlannedStage]) -> Iterator[Run]:
    for stage in stages:
        yield from (item for item in stage.instructions if isinstance(item, Run))


def _mounts(run: Run) -> Iterator[RunMount]:
    for text in run.mounts:
        try:
            yield parse_mount(run.line, text, lambda value: value)
        except DockerfileError:
            if "$" not in text:  # else a value of the build, such as a size, is missing here
                raise


def _of_kind(mounts: Iterable[tuple[RunMount, Line]], kind: str) -> tuple[OutlineMount, ...]:
    found: dict[str, OutlineMount] = {}
    for mount, line in mounts:
        if mount.kind == kind:
            name = mount.id or mount.target
            before = found.get(name)
            required = mount.required or (before is not None and before.required)
            found[name] = OutlineMount(name, required, before.line if before else line)
    return tuple(found.values())


def _args(dockerfile: Dockerfile, planned: Plan) -> Iterator[OutlineArg]:
    """Those above the first FROM that anything needed names, and those of the stages."""
    outside, given = dict(planned.settings.global_args), dict(planned.settings.build_args)
    of_stages = [
        (arg.line, name, default)
        for stage in planned.stages
        for arg in stage.instructions
        if isinstance(arg, Arg)
        for name, default in arg.args
    ]
    named = {name for _, name, _ in of_stages}.union(
        *(_named(f"{stage.stage.base.base} {stage.stage.base.platform}") for stage in planned.stages)
    )
    above = [(arg.line, name, default) for arg in dockerfile.global_args for name, default in arg.args]
    for _, name, default in reversed(above):
        if name in named:
            named |= _named(default or "")
    seen = set()
    # What is above the first FROM has its value with the variables in it replaced.
    valued = [(line, name, outside.get(name)) for line, name, _ in above]
    valued += [(line, name, given.get(name, default)) for line, name, default in of_stages]
    for line, name, value in valued:
        if name in named and name not in seen:
            seen.add(name)
            known = outside.get(name) if value is None else value
            yield OutlineArg(name, description_of(line.comments, name), known, line)


def _named(text: str) -> set[str]:
    return set(_VARIABLE.findall(text))
