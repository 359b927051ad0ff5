"""Flags in front of an instruction's arguments: ``--name=value``."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.dockerfile.reader import Line
from ci_builder.errors import UnsupportedSyntax, did_you_mean
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Flags:
    """``values`` by name, ``rest``, the text behind the flags, ``lists`` of those that may be given
    several times, and which ``switches`` were given."""

    values: Mapping[str, str]
    rest: str
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Its value, empty when it is not given."""
        return self.values.get(name, "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a flag that may be given several times, in their order."""
        return self.lists.get(name, ())

    def is_on(self, name: str) -> bool:
        """Whether a switch is given and not switched off."""
        return self.switches.get(name, False)


@dataclass(frozen=True, slots=True)
class Known:
    """The flags of an instruction: those with one value, those that may be given several times
    (``lists``), and ``switches``: alone or with ``=true`` or ``=false``."""

    values: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return self.values | self.lists | self.switches


def take_flags(
    line: Line, known: frozenset[str] | Known = frozenset(), later: frozenset[str] = frozenset()
) -> Flags:
    """The flags of ``line``: ``known`` ones (names alone: with one value each); ``later`` ones are real
    flags that this version does not support. Raises DockerfileError, UnsupportedSyntax."""
    known = known if isinstance(known, Known) else Known(known)
    written, rest = _split(line.rest)
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    switches: dict[str, bool] = {}
    for flag in written:
        name, equals, value = flag.removeprefix("--").partition("=")
        keyword = line.keyword.upper()
        if name in later:
            raise UnsupportedSyntax(
                f"{keyword} --{name} is not supported yet", source=line.source, span=line.span
            )
        if name not in known.names:
            close = did_you_mean(f"--{name}", [f"--{item}" for item in known.names | later])
            raise line.error(f"unknown flag --{name} for {keyword}", hint=close)
        if name in values or name in switches:
            raise line.error(f"the flag --{name} of {keyword} is given twice")
        if name in known.switches:
            switches[name] = _switch(line, name, value if equals else "true")
        elif not equals:
            raise line.error(f"the flag --{name} of {keyword} needs a value", hint=f"write --{name}=value")
        elif name in known.lists:
            lists[name] = (*lists.get(name, ()), value)
        else:
            values[name] = value
    return Flags(values, rest, lists, switches)


def _switch(line: Line, name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise line.error(
            f"the flag --{name} of {line.keyword.upper()} is true or false, not {value!r}",
            hint=f"write --{name} alone, or --{name}=false",
        )
    return value.lower() == "true"


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
