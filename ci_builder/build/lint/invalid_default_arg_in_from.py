"""InvalidDefaultArgInFrom: the Dockerfile builds without any build arg."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.build.lint.global_args import GlobalArgs, expanded
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint.finding import Finding
from ci_builder.errors import InvalidValue
from ci_builder.oci.reference import Reference

NAME = "InvalidDefaultArgInFrom"


def invalid_default_arg_in_from(dockerfile: Dockerfile, args: GlobalArgs) -> Iterator[Finding]:
    """With the defaults of the global ARGs FROM names no image."""
    stages = {stage.name for stage in dockerfile.stages if stage.name}
    for stage in dockerfile.stages:
        found = expanded(stage.base.base, args.defaults, stage.base.line)
        if found and found.text.lower() not in stages and not _names_an_image(found.text):
            message = f"FROM {stage.base.base} names no image unless a build arg is given; give ARG a default"
            yield Finding(NAME, message, stage.base.line)


def _names_an_image(text: str) -> bool:
    try:
        Reference.parse(text)
    except InvalidValue:
        return False
    return True
