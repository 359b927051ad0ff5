"""MultipleInstructionsDisallowed: of several CMD, ENTRYPOINT or HEALTHCHECK only the last one counts."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.instructions import Cmd, Entrypoint, HealthCheck, Instruction
from ci_builder.dockerfile.lint.finding import Finding

NAME = "MultipleInstructionsDisallowed"


def multiple_instructions_disallowed(instructions: tuple[Instruction, ...]) -> Iterator[Finding]:
    """One that is followed by another of its kind in the same stage: it is the one without effect."""
    last: dict[type, Instruction] = {}
    for item in instructions:
        if not isinstance(item, Cmd | Entrypoint | HealthCheck):
            continue
        before = last.get(type(item))
        if before is not None:
            name, where = item.line.keyword.upper(), item.line.span.first
            message = f"this {name} has no effect: the one in line {where} takes its place"
            yield Finding(NAME, message, before.line)
        last[type(item)] = item
