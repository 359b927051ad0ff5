"""What --chmod means: octal permissions, or changes to those that a file has."""

from __future__ import annotations

import re
import stat

from ci_builder.errors import InvalidValue
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_OCTAL = pattern(r"0*[0-7]{1,4}")
_SYMBOLIC = pattern(r"[ugoa]*(?:[-+=][rwxXstugo]*)+(?:,[ugoa]*(?:[-+=][rwxXstugo]*)+)*")
_CHANGE = pattern(r"([-+=])([^-+=]*)")
_STICKY = stat.S_ISVTX
_CLASSES = {"u": 0o4700, "g": 0o2070, "o": 0o0007, "a": 0o6777}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": _STICKY}
_SHIFTS = {"u": 6, "g": 3, "o": 0}


@dataclass(frozen=True, slots=True)
class _Change:
    """``classes``: the bits that it is about, ``bits`` those that it names; ``executable`` stands for
    ``X``, ``copied`` for the classes whose permissions are taken over."""

    classes: int
    operator: str
    bits: int
    executable: bool = False
    copied: tuple[str, ...] = ()

    def apply(self, mode: int, *, may_execute: bool) -> int:
        """``mode`` (permissions only) after it."""
        bits = self.bits | (0o111 if self.executable and may_execute else 0)
        for name in self.copied:
            bits |= (mode >> _SHIFTS[name] & 0o7) * 0o111
        bits &= self.classes
        if self.operator == "-":
            return mode & ~bits
        kept = mode if self.operator == "+" else mode & ~(self.classes & ~_STICKY)
        return kept | bits


@dataclass(frozen=True, slots=True)
class Permissions:
    """What becomes of a file's permissions, one change after the other."""

    changes: tuple[_Change, ...]

    def apply(self, mode: int) -> int:
        """The whole st_mode ``mode`` with other permissions. ``X`` looks at what the file had at first."""
        permissions = stat.S_IMODE(mode)
        may_execute = stat.S_ISDIR(mode) or bool(mode & 0o111)
        for change in self.changes:
            permissions = change.apply(permissions, may_execute=may_execute)
        return stat.S_IFMT(mode) | permissions


def parse_mode(text: str) -> Permissions:
    """Octal permissions up to 7777, or symbolic ones as of chmod(1), without a umask (Dockerfile
    reference, "COPY --chmod"). Raises InvalidValue."""
    if _OCTAL.fullmatch(text):
        return Permissions((_Change(0o7777, "-", 0o7777), _Change(0o7777, "+", int(text, 8))))
    if not _SYMBOLIC.fullmatch(text):
        hint = "write octal permissions from 0 to 7777, or symbolic ones such as u=rwX,go=rX"
        raise InvalidValue("--chmod", text, hint)
    return Permissions(tuple(change for clause in text.split(",") for change in _clause(clause)))


def _clause(text: str) -> list[_Change]:
    first = re.search(r"[-+=]", text)
    at = first.start() if first else len(text)
    classes = 0
    for name in text[:at] or "a":
        classes |= _CLASSES[name]
    if classes != _CLASSES["o"]:
        classes |= _STICKY
    return [_change(classes, operator, names) for operator, names in _CHANGE.findall(text[at:])]


def _change(classes: int, operator: str, names: str) -> _Change:
    bits = 0
    for name in names:
        bits |= _BITS.get(name, 0)
    copied = tuple(name for name in names if name in _SHIFTS)
    return _Change(classes, operator, bits, "X" in names, copied)
