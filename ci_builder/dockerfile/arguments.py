"""The forms that arguments of instructions come in: words, quoted words, key=value pairs, JSON arrays."""

from __future__ import annotations

import json

from ci_builder.dockerfile.reader import Line
from ci_builder.patterns import pattern

_BLANK = pattern(r"[\t\v\f\r ]+")
_SURROGATES = pattern("[\ud800-\udfff]")


def split_blank(text: str) -> tuple[str, ...]:
    """Words between white space; quotes mean nothing."""
    return tuple(_BLANK.split(text)) if text else ()


def split_quoted(text: str, escape: str) -> tuple[str, ...]:
    """Words between white space that is neither quoted nor escaped. Quotes and escapes stay: they are
    dealt with when the word is expanded."""
    words: list[str] = []
    word = ""
    begun = False
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if not quote and character.isspace():
            if begun:
                words.append(word)
            word, begun = "", False
            continue
        if character == escape and quote != "'":
            if at == len(text):
                break
            word += character + text[at]
            begun = True
            at += 1
            continue
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        word += character
        begun = True
    return tuple([*words, word] if begun else words)


def key_values(line: Line, text: str) -> tuple[tuple[str, str], ...]:
    """``key=value …``, or the old form ``key value`` whose value is the rest of the line.

    Raises DockerfileError.
    """
    name = line.keyword.upper()
    words = split_quoted(text, line.escape)
    if not words:
        raise line.error(f"{name} requires at least one argument")
    if "=" not in words[0]:
        parts = _BLANK.split(text, maxsplit=1)
        if len(parts) < 2:
            raise line.error(f"{name} must have two arguments", hint=f"write {name} {parts[0]}=value")
        return ((parts[0], parts[1]),)
    pairs: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            hint = "put quotes around a value that has spaces"
            raise line.error(f"there is no = in {word!r}; it must be name=value", hint=hint)
        if not key:
            raise line.error(f"{name} names can not be blank")
        pairs.append((key, value))
    return tuple(pairs)


def json_words(line: Line, text: str) -> tuple[str, ...] | None:
    """The strings of a JSON array; None when ``text`` is no JSON array at all, so is in shell form.

    Raises DockerfileError for an array that holds something else than strings.
    """
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str) for item in value):
        raise line.error("when using JSON array syntax, arrays must be comprised of strings only")
    return tuple(_SURROGATES.sub("\ufffd", item) for item in value)


def words_or_json(line: Line, text: str) -> tuple[str, ...]:
    """A JSON array, else words between white space. Raises DockerfileError."""
    found = json_words(line, text)
    return split_blank(text) if found is None else found


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
