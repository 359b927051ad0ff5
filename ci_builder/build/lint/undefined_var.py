"""UndefinedVar: a variable that nothing sets expands to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.trace import StageTrace
from ci_builder.dockerfile.instructions import Expose
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.errors import did_you_mean

NAME = "UndefinedVar"


def undefined_var(trace: StageTrace) -> Iterator[Finding]:
    """An expanded word has a variable that is neither set nor declared by ARG. As with BuildKit the words
    of EXPOSE do not count, and a default in the word is no excuse."""
    for step in (*trace.steps, *([trace.failed] if trace.failed else ())):
        declared = trace.declared.union(name for name, _ in step.before.args)
        for name in step.missing:
            if name in declared or isinstance(step.instruction, Expose):
                continue
            close = did_you_mean(name, step.before.variables)
            message = f"nothing sets ${name}" + (f"; {close}" if close else "")
            yield Finding(NAME, message, step.instruction.line)
