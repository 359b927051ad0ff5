"""Wildcards with the meaning of Go's ``filepath.Match``, which COPY, ADD and .dockerignore use.

``*`` and ``?`` never match a slash; ``[a-z]``, ``[^a-z]`` are character classes; a backslash takes the
next character literally. (Source: the documentation of Go's path/filepath.)
"""

from __future__ import annotations

import re
from functools import lru_cache

from ci_builder.errors import InvalidValue


def match(pattern: str, name: str) -> bool:
    """Whether ``pattern`` matches the whole of ``name``. Raises InvalidValue for a malformed pattern."""
    return compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """``pattern`` as a regular expression for ``fullmatch``. Raises InvalidValue."""
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        piece, position = translate(pattern, position)
        pieces.append(piece)
    return re.compile("".join(pieces), re.DOTALL)


def translate(pattern: str, position: int) -> tuple[str, int]:
    """The regular expression for the element at ``position``, and where the next one begins.

    Raises InvalidValue.
    """
    character = pattern[position]
    if character == "*":
        return "[^/]*", position + 1
    if character == "?":
        return "[^/]", position + 1
    if character == "[":
        return _character_class(pattern, position + 1)
    if character == "\\":
        character, after = _one_character(pattern, position)
        return re.escape(character), after
    return re.escape(character), position + 1


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[str] = []
    first = position
    while pattern[position : position + 1] != "]" or position == first:
        low, position = _class_member(pattern, position)
        high = low
        if pattern[position : position + 1] == "-":
            high, position = _class_member(pattern, position + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:
        return ("." if negated else "(?!)"), position + 1
    return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _class_member(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position : position + 1] in ("", "-", "]"):
        raise InvalidValue("pattern", pattern, "a character class [...] is malformed")
    member, after = _one_character(pattern, position)
    if after >= len(pattern):
        raise InvalidValue("pattern", pattern, "a character class [...] is not closed")
    return member, after


def _one_character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] != "\\":
        return pattern[position], position + 1
    if position + 1 >= len(pattern):
        raise InvalidValue("pattern", pattern, "it ends with a lone backslash")
    return pattern[position + 1], position + 2
