"""Texts as Go's fmt prints them: history lines are made of them (documentation of Go's fmt, strconv)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """``%q`` of a string."""
    return '"' + "".join(_escape(character, '"') for character in text) + '"'


def quote_words(words: Iterable[str]) -> str:
    """``%q`` of a slice of strings."""
    return "[" + " ".join(quote(word) for word in words) + "]"


def quote_rune(number: int) -> str:
    """``%q`` of an integer: the character of that number."""
    valid = 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return "'" + _escape(chr(number) if valid else "\ufffd", "'") + "'"


def plain_words(words: Sequence[str]) -> str:
    """``%v`` of a slice of strings."""
    return "[" + " ".join(words) + "]"


def _escape(character: str, mark: str) -> str:
    if character in (mark, "\\"):
        return "\\" + character
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    number = ord(character)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
