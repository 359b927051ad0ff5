"""SecretsUsedInArgOrEnv: what ARG and ENV hold can be read from the image and its history.

The words are BuildKit's, so that both speak of the same names.
"""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.dockerfile.instructions import Arg, Env, Instruction
from ci_builder.dockerfile.lint.finding import Finding

NAME = "SecretsUsedInArgOrEnv"
_SECRET = frozenset("apikey auth credential credentials key password pword passwd secret token".split())
_HARMLESS = frozenset("public file version".split())


def secrets_used_in_arg_or_env(instructions: tuple[Instruction, ...]) -> Iterator[Finding]:
    """A name has a word such as TOKEN in it, and none such as PUBLIC."""
    for item in instructions:
        if isinstance(item, Arg):
            names = [name for name, _ in item.args]
        elif isinstance(item, Env):
            names = [name for name, _ in item.pairs]
        else:
            continue
        for name in names:
            words = set(name.lower().split("_"))
            if words & _SECRET and not words & _HARMLESS:
                message = (
                    f"{item.line.keyword.upper()} {name} looks like a secret; use RUN --mount=type=secret"
                )
                yield Finding(NAME, message, item.line)
