"""Shell patterns of ``${name#pattern}`` and its like: ``*``, ``?`` and ``\\`` escapes, no brackets.

Source: POSIX shell, 2.14 "Pattern Matching Notation", as BuildKit reads it: as in its regular
expressions the wildcards do not match a newline. Matching takes time proportional to the lengths of
pattern and text, whatever they are: no backtracking.
"""

from __future__ import annotations

from ci_builder.values import dataclass

_ANY = "?"
_STAR = "*"


class PatternError(ValueError):
    """A pattern with an escape that means nothing."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """``parts``: (kind, character) pairs; the kind is ``?``, ``*`` or empty for the character itself."""

    parts: tuple[tuple[str, str], ...]

    @staticmethod
    def parse(text: str) -> Pattern:
        """Raises PatternError."""
        parts: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            character = text[at]
            at += 1
            if character in (_ANY, _STAR):
                parts.append((character, ""))
                continue
            if character == "\\":
                # } and / are escaped for the sake of ${}; the escape is not part of the pattern.
                character = text[at : at + 1]
                at += 1
                if character not in ("*", "?", "\\", "}", "/"):
                    raise PatternError(f"invalid escape '\\{character}'")
            parts.append(("", character))
        return Pattern(tuple(parts))

    def _ends(self, text: str, start: int) -> set[int]:
        """Every position at which a match that begins at ``start`` may end."""
        positions = {start}
        for kind, character in self.parts:
            if kind == _STAR:
                positions = _spread(positions, text)
            else:
                positions = {
                    at + 1
                    for at in positions
                    if at < len(text) and (text[at] == character or (kind == _ANY and text[at] != "\n"))
                }
        return positions

    def without_prefix(self, text: str, *, longest: bool) -> str:
        """``text`` without the shortest or longest beginning that matches."""
        ends = self._ends(text, 0)
        if not ends:
            return text
        return text[max(ends) if longest else min(ends) :]

    def without_suffix(self, text: str, *, longest: bool) -> str:
        """``text`` without the shortest or longest end that matches."""
        mirrored = Pattern(self.parts[::-1])
        return mirrored.without_prefix(text[::-1], longest=longest)[::-1]

    def replaced(self, text: str, replacement: str, *, everywhere: bool) -> str:
        """``text`` with the first (or every) longest match replaced, from left to right."""
        result: list[str] = []
        at = 0
        after_match = -1
        while at <= len(text):
            ends = self._ends(text, at)
            end = max(ends) if ends else -1
            # An empty match right behind another match is none (Go's regexp.ReplaceAllString).
            if end > at or (end == at and at != after_match):
                result.append(replacement)
                after_match = end
                if not everywhere:
                    return "".join(result) + text[end:]
            if end > at:
                at = end
                continue
            result.append(text[at : at + 1])
            at += 1
        return "".join(result)


def _spread(positions: set[int], text: str) -> set[int]:
    """All positions that are reached from ``positions`` over characters other than newlines."""
    reached: set[int] = set()
    for start in sorted(positions):
        at = start
        while at not in reached:
            reached.add(at)
            if at < len(text) and text[at] != "\n":
                at += 1
    return reached
