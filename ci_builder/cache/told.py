"""What a record tells of its inputs: names with a few digits of their values' digests, never too many.

Beyond a limit, files are told folder by folder: the digits of a folder are the sum of its files', so that
neither their order nor the moment of the folding matters, and two tellings of one thing can be compared
even when one of them is coarser.
"""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.cache.inputs import Input
from ci_builder.values import dataclass, field

Told = tuple[tuple[str, str], ...]
"""Names of inputs with some digits of their values' digests."""

LIMIT = 2000
"""Names that one record has at most; those that are no files' are few, and always told."""

MORE = "…"
"""Stands for everything below a folder."""

_FILES = ("file", "source")
_MODULUS = 1 << 64


@dataclass(slots=True)
class Telling:
    """Collects inputs one by one. ``depth``: names of files have at most that many parts, 0: as many as
    they have."""

    limit: int = LIMIT
    depth: int = 0
    _sums: dict[str, int] = field(default_factory=dict)

    def add(self, item: Input) -> None:
        """One more input."""
        self._add(item.name, int(item.short, 16))
        while len(self._sums) > self.limit and self.depth != 1:
            self._fold()

    def told(self) -> Told:
        """(name, digits) in the order of the inputs."""
        return tuple((name, f"{number:016x}") for name, number in self._sums.items())

    def _add(self, name: str, number: int) -> None:
        name = cut(name, self.depth)
        self._sums[name] = (self._sums.get(name, 0) + number) % _MODULUS

    def _fold(self) -> None:
        deepest = max(len(_parts(name)) for name in self._sums) - 1
        self.depth = max(1, min(deepest, self.depth - 1 if self.depth else deepest))
        sums, self._sums = self._sums, {}
        for name, number in sums.items():
            self._add(name, number)


def cut(name: str, depth: int) -> str:
    """``name`` with its first ``depth`` parts: what it is of, then the folders; 0: all of them."""
    parts = _parts(name)
    if not depth or len(parts) <= depth:
        return name
    return f"{parts[0]} {'/'.join((*parts[1:depth], MORE))}"


def _parts(name: str) -> list[str]:
    kind, _, path = name.partition(" ")
    return [kind, *path.split("/")] if kind in _FILES else [name]


def depth_of(told: Told) -> int:
    """How many parts names have in a telling that was cut, 0 when it was not."""
    cuts = (_parts(name) for name, _ in told if name.endswith(MORE))
    return max((len(parts) - 1 for parts in cuts if parts[-1] == MORE), default=0)


def changed(before: Told, after: Told) -> Iterator[tuple[str, str]]:
    """What is different, as (name, ``changed``, ``added`` or ``removed``), in the order of ``after``."""
    depths = [depth for depth in (depth_of(before), depth_of(after)) if depth]
    old, new = (_cut_all(item, min(depths, default=0)) for item in (before, after))
    for name, number in new.items():
        if name not in old:
            yield name, "added"
        elif old[name] != number:
            yield name, "changed"
    for name in old:
        if name not in new:
            yield name, "removed"


def _cut_all(told: Told, depth: int) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, digits in told:
        short = cut(name, depth)
        sums[short] = (sums.get(short, 0) + int(digits, 16)) % _MODULUS
    return sums
