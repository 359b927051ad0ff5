"""Arguments as Go programs take them (spf13/pflag): ``--flag=value``, ``--flag value``, ``-f value``,
``-fvalue``, switches with an optional ``=true``. Not argparse, which differs in each of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ci_builder.errors import UsageError, did_you_mean
from ci_builder.values import dataclass, field

_TRUE = frozenset("1 t T TRUE true True".split())
_FALSE = frozenset("0 f F FALSE false False".split())


@dataclass(frozen=True, slots=True)
class Flag:
    """``kind``: a switch may stand without a value; the last value of a ``text`` or ``number`` counts; every
    value of a ``list``. ``short`` is a letter or empty; ``old`` is a name that is still accepted."""

    name: str
    kind: Literal["switch", "text", "number", "list"]
    about: str
    short: str = ""
    old: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """Values by the name of their flag, in their order; a flag that was not given is missing."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def given(self, name: str) -> bool:
        """Whether the flag was given at all."""
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """The last value."""
        return self.values.get(name, (default,))[-1]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value."""
        return self.values.get(name, ())

    def switch(self, name: str, default: bool = False) -> bool:
        """The value of a switch. Raises UsageError."""
        text = self.text(name)
        return go_boolean(text, f"--{name}") if text else default

    def number(self, name: str, default: int) -> int:
        """The value of a number. Raises UsageError."""
        text = self.text(name)
        try:
            return int(text) if text else default
        except ValueError as error:
            raise UsageError(f"--{name} is a number, not {text!r}") from error


def go_boolean(text: str, name: str) -> bool:
    """A boolean as Go's strconv.ParseBool reads it. Raises UsageError."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise UsageError(f"{name} is true or false, not {text!r}")


def parse(arguments: Sequence[str], flags: Sequence[Flag]) -> Words:
    """Read ``arguments``. Raises UsageError for an unknown flag, a missing value or a stray word."""
    by_name = {flag.name: flag for flag in flags} | {flag.old: flag for flag in flags if flag.old}
    by_letter = {flag.short: flag for flag in flags if flag.short}
    found: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            flag = by_name.get(name)
            if flag is None:
                hint = did_you_mean(f"--{name}", [f"--{item}" for item in by_name])
                raise UsageError(f"unknown flag --{name}", hint=hint or "see executor --help")
        elif word.startswith("-") and len(word) > 1 and word != "--":
            flag, equals, value = _short(word, by_letter)
        else:
            raise UsageError(f"unexpected argument {word!r}", hint="the executor takes flags only")
        if not equals:
            value = _next_value(flag, rest)
        _check(flag, value)
        found.setdefault(flag.name, []).append(value)
    return Words({name: tuple(values) for name, values in found.items()})


def _short(word: str, by_letter: Mapping[str, Flag]) -> tuple[Flag, str, str]:
    flag = by_letter.get(word[1])
    if flag is None:
        raise UsageError(f"unknown flag {word!r}", hint="long names begin with two dashes")
    value = word[2:]
    return flag, "=" if value else "", value.removeprefix("=")


def _next_value(flag: Flag, rest: list[str]) -> str:
    if flag.kind == "switch":
        return "true"
    if not rest:
        raise UsageError(f"--{flag.name} needs a value")
    return rest.pop(0)


def _check(flag: Flag, value: str) -> None:
    words = Words({flag.name: (value,)})
    if flag.kind == "switch":
        go_boolean(value, f"--{flag.name}")
    elif flag.kind == "number":
        words.number(flag.name, 0)
