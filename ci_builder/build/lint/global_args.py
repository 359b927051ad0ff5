"""What FROM sees, for the rules about it."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.build.evaluate.settings import make_settings
from ci_builder.build.plan import PlanOptions
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.reader import Line
from ci_builder.dockerfile.words import Expansion, Rules, expand
from ci_builder.errors import DockerfileError, InvalidValue
from ci_builder.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class GlobalArgs:
    """``values`` by name, and ``defaults``: the same without any build arg. ``names`` has those that are
    declared without a value too."""

    values: Mapping[str, str]
    defaults: Mapping[str, str]
    names: frozenset[str]


def global_args(dockerfile: Dockerfile, options: PlanOptions, target: str) -> GlobalArgs:
    """Those of a build whose ``target`` stage has this name. Defaults that cannot be expanded without
    build args are left out. Raises DockerfileError."""
    values = _settings(dockerfile, options, target)
    try:
        defaults = _settings(dockerfile, replace(options, build_args=()), target)
    except DockerfileError:
        defaults = values
    return GlobalArgs(values, defaults, _names(dockerfile, values))


def _settings(dockerfile: Dockerfile, options: PlanOptions, target: str) -> Mapping[str, str]:
    made = make_settings(
        dockerfile.global_args,
        options.build_args,
        target_platform=options.target_platform,
        build_platform=options.build_platform,
        target=target,
    )
    return dict(made.global_args)


def expanded(text: str, variables: Mapping[str, str], line: Line) -> Expansion | None:
    """None for a word that cannot be expanded; with the real values that is an error of the plan."""
    try:
        return expand(text, variables, Rules(escape=line.escape))
    except InvalidValue:
        return None


def _names(dockerfile: Dockerfile, values: Mapping[str, str]) -> frozenset[str]:
    return frozenset(values).union(name for arg in dockerfile.global_args for name, _ in arg.args)
