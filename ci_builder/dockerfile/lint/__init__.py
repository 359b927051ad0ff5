"""BuildKit's lint rules, one file and one pure function each. Those that need values are in build/lint.

Source: docker's "Build checks" (docs.docker.com/reference/build-checks), BuildKit; the wording is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.instructions import Instruction
from ci_builder.dockerfile.lint.consistent_instruction_casing import consistent_instruction_casing
from ci_builder.dockerfile.lint.duplicate_stage_name import duplicate_stage_name
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.dockerfile.lint.from_as_casing import from_as_casing
from ci_builder.dockerfile.lint.invalid_definition_description import invalid_definition_description
from ci_builder.dockerfile.lint.legacy_key_value_format import legacy_key_value_format
from ci_builder.dockerfile.lint.maintainer_deprecated import maintainer_deprecated
from ci_builder.dockerfile.lint.multiple_instructions_disallowed import multiple_instructions_disallowed
from ci_builder.dockerfile.lint.no_empty_continuation import no_empty_continuation
from ci_builder.dockerfile.lint.reserved_stage_name import reserved_stage_name
from ci_builder.dockerfile.lint.secrets_used_in_arg_or_env import secrets_used_in_arg_or_env
from ci_builder.dockerfile.lint.stage_name_casing import stage_name_casing

FileRule = Callable[[Dockerfile], Iterator[Finding]]
StageRule = Callable[[tuple[Instruction, ...]], Iterator[Finding]]

FILE_RULES: tuple[FileRule, ...] = (
    stage_name_casing,
    from_as_casing,
    no_empty_continuation,
    consistent_instruction_casing,
    duplicate_stage_name,
    reserved_stage_name,
    maintainer_deprecated,
    invalid_definition_description,
)
"""Rules about a whole file."""

STAGE_RULES: tuple[StageRule, ...] = (
    legacy_key_value_format,
    multiple_instructions_disallowed,
    secrets_used_in_arg_or_env,
)
"""Rules about the instructions of a stage that is built."""


def lint_file(dockerfile: Dockerfile) -> Iterator[Finding]:
    """What the rules about files find."""
    for rule in FILE_RULES:
        yield from rule(dockerfile)


def lint_stage(instructions: tuple[Instruction, ...]) -> Iterator[Finding]:
    """What the rules about stages find in one."""
    for rule in STAGE_RULES:
        yield from rule(instructions)
