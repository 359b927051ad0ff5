"""WWW-Authenticate: what a registry asks for (RFC 9110 section 11; distribution, token authentication)."""

from __future__ import annotations

import re

from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = pattern(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*(?=,|$)')
_SCHEME = pattern(rf"({_WORD})(?:\s+|(?=,)|$)")
_BARE = pattern(r"[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: ``scheme`` (basic, bearer …) and parameters, their names in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str:
        """The value of a parameter, or empty."""
        return dict(self.parameters).get(name, "")


def parse(header: str) -> tuple[Challenge, ...]:
    """The challenges of a header (several headers joined by commas). What does not parse ends the list."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    position = 0
    while position < len(header):
        if header[position] in ", \t":
            position += 1
            continue
        parameter = _PARAMETER.match(header, position)
        if parameter and found:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].append((name.lower(), value))
            position = parameter.end()
            continue
        scheme = _SCHEME.match(header, position)
        if not scheme:
            break
        found.append((scheme.group(1).lower(), []))
        position = scheme.end()
        # Negotiate and its like carry one bare value, which nobody here can use.
        bare = _BARE.match(header, position)
        if bare and not _PARAMETER.match(header, position):
            position = bare.end()
    return tuple(Challenge(name, tuple(parameters)) for name, parameters in found)
