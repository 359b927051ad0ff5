"""Parser directives: ``# syntax=…``, ``# escape=…``, ``# check=…``.

They stand at the very top, before any comment, blank line or instruction, each at most once. A
shebang in the first line is skipped. Source: Dockerfile reference, "Parser directives".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ci_builder.dockerfile.check import parse_check
from ci_builder.errors import DockerfileError, InvalidValue, UnsupportedSyntax
from ci_builder.patterns import pattern
from ci_builder.span import Source, Span
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass

_DIRECTIVE = pattern(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_OTHER_COMMENT = pattern(r"//\s*syntax\s*=\s*(\S+).*", re.IGNORECASE)
_FRONTEND = pattern(r"(?:.+/)?docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Directives:
    """``lines`` is the number of lines that they take (0: there are none)."""

    syntax: str = ""
    escape: str = "\\"
    check: str = ""
    lines: int = 0


def read_directives(source: Source, physical: Sequence[str]) -> Directives:
    """Read them off the first lines. Raises DockerfileError; UnsupportedSyntax for another frontend
    than docker's own, also where files in other languages name theirs: ``//syntax=…``, ``{"syntax": …}``."""
    _check_other_languages(source, physical)
    found: dict[str, str] = {}
    at = 1 if physical and physical[0].startswith("#!") else 0
    while at < len(physical):
        match = _DIRECTIVE.fullmatch(physical[at].strip())
        key = match[1].lower() if match else ""
        if not match or key not in ("syntax", "escape", "check"):
            break
        at += 1
        span = Span(source.name, at, at)
        if key in found:
            raise DockerfileError(f"the directive {key} is given twice", source=source, span=span)
        found[key] = match[2]
        _check(key, match[2], source, span)
    return Directives(lines=at, **found)


def _check(key: str, value: str, source: Source, span: Span) -> None:
    if key == "escape" and value not in ("\\", "`"):
        raise DockerfileError(
            f"the escape character {value!r} is not allowed", source=source, span=span, hint="it is \\ or `"
        )
    if key == "syntax" and not is_known_frontend(value):
        raise UnsupportedSyntax(
            f"the frontend {value} is not supported",
            source=source,
            span=span,
            hint="only the language of docker/dockerfile is understood; it is built in",
        )
    if key == "check":
        _check_lint(value, source, span)


def _check_other_languages(source: Source, physical: Sequence[str]) -> None:
    first = 1 if physical and physical[0].startswith("#!") else 0
    top = physical[first] if len(physical) > first else ""
    found = _OTHER_COMMENT.fullmatch(top.strip())
    named = found[1] if found else _named_in_json("".join(physical[first:]))
    if named:
        _check("syntax", named, source, Span(source.name, first + 1, first + 1))


def _named_in_json(text: str) -> str:
    if not text.lstrip().startswith("{"):
        return ""
    try:
        value = from_json(text)
    except ValueError:
        return ""
    named = value.get("syntax", "") if isinstance(value, dict) else ""
    return named if isinstance(named, str) else ""


def _check_lint(value: str, source: Source, span: Span) -> None:
    try:
        parse_check(value)
    except InvalidValue as error:
        hint = "for example # check=skip=StageNameCasing;error=true"
        raise DockerfileError(f"{error}", source=source, span=span, hint=hint) from error


def is_known_frontend(reference: str) -> bool:
    """Whether an image ``reference`` given by ``# syntax=`` or BUILDKIT_SYNTAX is docker's own
    frontend (any version, any mirror), whose language this package understands."""
    return bool(_FRONTEND.fullmatch(reference.split(maxsplit=1)[0] if reference.split() else ""))
