"""Flags in front of an instruction's arguments: ``--name=value``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ci_builder.dockerfile.arguments import did_you_mean
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import UnsupportedSyntax


@dataclass(frozen=True, slots=True)
class Flags:
    """``values`` by name, and ``rest``, the text behind the flags. ``repeated`` are the values of those that
    may be given several times."""

    values: Mapping[str, str]
    rest: str
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Its value, empty when it is not given."""
        return self.values.get(name, "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of one that may be given several times."""
        return self.repeated.get(name, ())


def take_flags(
    line: Line,
    known: frozenset[str] = frozenset(),
    later: frozenset[str] = frozenset(),
    repeated: frozenset[str] = frozenset(),
) -> Flags:
    """The flags of ``line``: ``known`` ones take a value, ``repeated`` ones too and may come several times,
    ``later`` ones are real flags that this version does not support. Raises DockerfileError,
    UnsupportedSyntax."""
    written, rest = _split(line.rest)
    values: dict[str, str] = {}
    several: dict[str, tuple[str, ...]] = {}
    for flag in written:
        name, equals, value = flag.removeprefix("--").partition("=")
        keyword = line.keyword.upper()
        if name in later:
            raise UnsupportedSyntax(
                f"{keyword} --{name} is not supported yet", source=line.source, span=line.span
            )
        if name not in known | repeated:
            close = did_you_mean(f"--{name}", [f"--{item}" for item in known | later | repeated])
            raise line.error(f"unknown flag --{name} for {keyword}", hint=close)
        if not equals:
            raise line.error(f"the flag --{name} of {keyword} needs a value", hint=f"write --{name}=value")
        if name in repeated:
            several[name] = (*several.get(name, ()), value)
            continue
        if name in values:
            raise line.error(f"the flag --{name} of {keyword} is given twice")
        values[name] = value
    return Flags(values, rest, several)


def _split(text: str) -> tuple[list[str], str]:
    """The words at the beginning that start with ``--``, and the rest. Quotes and backslashes in them
    are taken off here, whatever the escape directive says; ``--`` alone ends the flags."""
    flags: list[str] = []
    at = 0
    while text.startswith("--", at):
        word, at = _word(text, at)
        while text[at : at + 1].isspace():
            at += 1
        if word == "--":
            break
        flags.append(word)
    return flags, text[at:]


def _word(text: str, at: int) -> tuple[str, int]:
    word = ""
    quote = ""
    while at < len(text) and (quote or not text[at].isspace()):
        character = text[at]
        at += 1
        if character == "\\":
            word += text[at : at + 1]
            at += 1
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word += character
    return word, min(at, len(text))
