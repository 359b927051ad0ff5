"""Which lint rules hold: ``skip=A,B|all``, ``error=true``, ``experimental=A,B|all``, separated by ``;``.

The same text stands in the directive ``# check=…``, in a comment right above an instruction, and in the
build arg BUILDKIT_DOCKERFILE_CHECK. Source: Dockerfile reference, "check"; docker's "Build checks".
"""

from __future__ import annotations

import re

from ci_builder.errors import InvalidValue
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_ALL = "all"
_YES = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_NO = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_COMMENT = pattern(r"check\s*=\s*(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """``skip`` and ``experimental`` hold names of rules, or ``all``; ``error``: a finding fails the build.

    A name that is no rule of this version does nothing: newer versions of docker's frontend have more.
    """

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    def allows(self, rule: str, *, experimental: bool) -> bool:
        """Whether a rule may speak. An experimental one must be asked for, and is not skipped then."""
        if experimental:
            return bool(self.experimental & {rule, _ALL})
        return not self.skip & {rule, _ALL}

    def merged(self, other: CheckOptions) -> CheckOptions:
        """Those of both."""
        skip, experimental = self.skip | other.skip, self.experimental | other.experimental
        return CheckOptions(skip, experimental, self.error or other.error)


def parse_check(text: str) -> CheckOptions:
    """Raises InvalidValue."""
    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error = False
    seen: set[str] = set()
    for item in text.split(";") if text.strip() else ():
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or name not in ("skip", "error", "experimental"):
            raise InvalidValue("check option", item.strip(), "it is skip=…, error=… or experimental=…")
        if name in seen:
            raise InvalidValue("check option", item.strip(), f"{name} is given twice")
        seen.add(name)
        if name == "skip":
            skip = _names(value)
        elif name == "experimental":
            experimental = _names(value)
        elif value in _YES | _NO:
            error = value in _YES
        else:
            raise InvalidValue("check option", item.strip(), "error is true or false")
    return CheckOptions(skip, experimental, error)


def check_of_comments(comments: tuple[str, ...]) -> CheckOptions:
    """What the first ``check=…`` among the comments above an instruction says. One that does not parse is
    taken for prose, as BuildKit does; ``error`` means nothing there."""
    for comment in comments:
        match = _COMMENT.fullmatch(comment)
        if match:
            try:
                found = parse_check(match[1])
            except InvalidValue:
                return CheckOptions()
            return CheckOptions(found.skip, found.experimental)
    return CheckOptions()


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
