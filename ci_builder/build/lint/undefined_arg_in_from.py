"""UndefinedArgInFrom: FROM sees the ARGs above the first FROM, and the platform's."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.global_args import GlobalArgs, expanded
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.errors import did_you_mean

NAME = "UndefinedArgInFrom"


def undefined_arg_in_from(dockerfile: Dockerfile, args: GlobalArgs) -> Iterator[Finding]:
    """FROM uses a name that is not declared there."""
    for stage in dockerfile.stages:
        line = stage.base.line
        for text in (stage.base.base, stage.base.platform):
            found = expanded(text, args.values, line)
            for name in sorted(found.missing - args.names) if found else ():
                close = did_you_mean(name, args.names)
                message = f"FROM uses ${name}, which no ARG above the first FROM declares"
                yield Finding(NAME, message + (f"; {close}" if close else ""), line)
