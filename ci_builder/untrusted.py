"""Text that somebody else wrote: registries, files, variables."""

from __future__ import annotations

import json
from typing import Any

from ci_builder.patterns import pattern

_PASSWORD = pattern(r"(://[^/\s:]*):[^/\s]*@")
_DIGITS = 18  # what has more is no size and no time


def from_json(text: str | bytes) -> Any:
    """The value that ``text`` says. Raises ValueError for what is no JSON, or is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def number(text: str) -> int | None:
    """The number that ``text`` is: up to 18 decimal digits, those of ASCII, and nothing else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def as_bytes(text: str) -> bytes:
    """``text`` as it came: bytes that are no UTF-8 in a variable, or half of a character in JSON, too."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def without_passwords(text: str) -> str:
    """``text`` with the passwords that are in its URLs replaced, as docker does: it is for everybody."""
    return _PASSWORD.sub(r"\1:xxxxx@", text)
