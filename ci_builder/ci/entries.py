"""The entries of a list in one text: a line each, in quotes where they span lines.

The rules are those of docker's actions (csv-parse with relaxed quotes), but that commas are nothing where
they separate nothing: a quote begins something only at the beginning of an entry, and only if another one
ends that entry; everything else is taken as it is, JSON too.
"""

from __future__ import annotations

from ci_builder.errors import UsageError

_QUOTE = '"'


def entries(text: str, name: str, *, commas: bool) -> list[str]:
    """The entries of the input ``name``; with ``commas`` these separate them as well. Blank ones and lines
    that begin with ``#`` are left out. Raises UsageError for a quote that is never closed."""
    found = []
    at = 0
    while at <= len(text):
        line = text[at : _end(text, at, "\n")]
        if (at == 0 or text[at - 1] == "\n") and line.lstrip().startswith("#"):
            at += len(line) + 1
            continue
        entry, at = _entry(text, at, name, ",\n" if commas else "\n")
        found.append(entry.strip())
        at += 1
    return [entry for entry in found if entry]


def _entry(text: str, at: int, name: str, marks: str) -> tuple[str, int]:
    """The entry that begins at ``at``, and where it ends: at one of ``marks``."""
    after = at
    if text.startswith(_QUOTE, at):
        content, after = _quoted(text, at, name)
        end = after
        while text[end : end + 1] in (" ", "\t", "\r"):
            end += 1
        if end >= len(text) or text[end] in marks:
            return content, end
    end = _end(text, after, marks)
    return text[at:end], end


def _end(text: str, at: int, marks: str) -> int:
    """Where the next of ``marks`` is, or the text ends."""
    ends = (text.find(mark, at) for mark in marks)
    return min((found for found in ends if found >= 0), default=len(text))


def _quoted(text: str, at: int, name: str) -> tuple[str, int]:
    """What is in the quotes that begin at ``at``, where two stand for one, and where it goes on behind."""
    content, begun = "", at + 1
    while True:
        end = text.find(_QUOTE, begun)
        if end < 0:
            line = text.count("\n", 0, at) + 1
            hint = "close it, or write it twice within quotes"
            raise UsageError(f"{name}: the quote in line {line} is never closed", hint=hint)
        content += text[begun:end]
        if not text.startswith(_QUOTE * 2, end):
            return content, end + 1
        content += _QUOTE
        begun = end + 2
