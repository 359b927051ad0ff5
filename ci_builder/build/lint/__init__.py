"""BuildKit's lint rules that need values: what FROM sees, and what each instruction sees. See
dockerfile/lint for the others; ``lint`` runs all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ci_builder.build.lint.copy_ignored_file import copy_ignored_file
from ci_builder.build.lint.expose_invalid_format import expose_invalid_format
from ci_builder.build.lint.expose_proto_casing import expose_proto_casing
from ci_builder.build.lint.from_platform_flag_const_disallowed import from_platform_flag_const_disallowed
from ci_builder.build.lint.global_args import GlobalArgs
from ci_builder.build.lint.invalid_base_image_platform import invalid_base_image_platform
from ci_builder.build.lint.invalid_default_arg_in_from import invalid_default_arg_in_from
from ci_builder.build.lint.json_args_recommended import json_args_recommended
from ci_builder.build.lint.redundant_target_platform import redundant_target_platform
from ci_builder.build.lint.trace import StageTrace
from ci_builder.build.lint.undefined_arg_in_from import undefined_arg_in_from
from ci_builder.build.lint.undefined_var import undefined_var
from ci_builder.build.lint.workdir_relative_path import workdir_relative_path
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint import lint_file, lint_stage
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.values import dataclass

FromRule = Callable[[Dockerfile, GlobalArgs], Iterator[Finding]]
TraceRule = Callable[[StageTrace], Iterator[Finding]]

FROM_RULES: tuple[FromRule, ...] = (
    undefined_arg_in_from,
    invalid_default_arg_in_from,
    redundant_target_platform,
    from_platform_flag_const_disallowed,
)
"""Rules about what FROM says."""

TRACE_RULES: tuple[TraceRule, ...] = (
    json_args_recommended,
    workdir_relative_path,
    undefined_var,
    invalid_base_image_platform,
    copy_ignored_file,
    expose_proto_casing,
    expose_invalid_format,
)
"""Rules about what the instructions of a stage mean."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A Dockerfile, and the stages of it that are needed."""

    dockerfile: Dockerfile
    args: GlobalArgs
    traces: tuple[StageTrace, ...]


def lint_from(dockerfile: Dockerfile, args: GlobalArgs) -> Iterator[Finding]:
    """What the rules about FROM find."""
    for rule in FROM_RULES:
        yield from rule(dockerfile, args)


def lint(subject: Subject) -> Iterator[Finding]:
    """What all rules find, before anything is skipped."""
    yield from lint_file(subject.dockerfile)
    yield from lint_from(subject.dockerfile, subject.args)
    for trace in subject.traces:
        yield from lint_stage(trace.stage.instructions)
        for trace_rule in TRACE_RULES:
            yield from trace_rule(trace)
