"""LegacyKeyValueFormat: ``ENV key=value``, not ``ENV key value``; the same for LABEL."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.arguments import split_quoted
from ci_builder.dockerfile.flags import take_flags
from ci_builder.dockerfile.instructions import Env, Instruction, Label
from ci_builder.dockerfile.lint.finding import Finding

NAME = "LegacyKeyValueFormat"


def legacy_key_value_format(instructions: tuple[Instruction, ...]) -> Iterator[Finding]:
    """The old form, whose value is the rest of the line."""
    for item in instructions:
        if not isinstance(item, Env | Label):
            continue
        words = split_quoted(take_flags(item.line).rest, item.line.escape)
        if "=" not in words[0]:
            name = item.line.keyword.upper()
            message = f"write {name} {words[0]}=value instead of the old form {name} {words[0]} value"
            yield Finding(NAME, message, item.line)
