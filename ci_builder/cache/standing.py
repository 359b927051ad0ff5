"""Which layers of a cache were made on which: without the first ones of a stage nothing else of it is found.

A record says of the layers below its own only a few digits of their digest, so they are found from the bottom
up: on no layer at all, on those that were made on none, and so on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from ci_builder.cache.inputs import LAYERS_BELOW, Input, frame
from ci_builder.cache.record import Record
from ci_builder.values import dataclass

_MOST_LINKED = 16
_MOST_TRIES = 4096
"""Linked layers that are tried, each with every chain; what a cache holds is whoever writes it to decide."""


@dataclass(frozen=True, slots=True)
class Standing:
    """``above``: how many layers a record's own was made on, ``used``: when it, or one that was made on it,
    was last used, in seconds since 1970."""

    above: int
    used: int


def standing_of(records: Iterable[Record]) -> list[tuple[Record, Standing]]:
    """Each record with its standing; one that does not tell what is below it stands alone, unless another was
    made on it."""
    found = list(records)
    chains = _Chains(found)
    chains.follow(_Chain((), -1))
    for _ in range(_MOST_LINKED):
        longer = chains.over_linked()
        if not longer:
            break
        for chain in longer:
            chains.follow(chain)
    above = [0] * len(found)
    used = [record.used for record in found]
    for chain in reversed(chains.all):
        above[chain.number] = len(chain.layers) - 1
        if chain.below >= 0:
            used[chain.below] = max(used[chain.below], used[chain.number])
    return [(record, Standing(above[number], used[number])) for number, record in enumerate(found)]


@dataclass(frozen=True, slots=True)
class _Chain:
    """``layers`` from the bottom to that of the record ``number``, -1 for none; ``below`` is the number of
    the record of the layer before."""

    layers: tuple[str, ...]
    number: int
    below: int = -1


class _Chains:
    """The chains of layers that records tell of. ``all`` has each after the one that it goes on from."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._waiting: dict[str, list[int]] = {}
        self._linked: list[int] = []
        self.all: list[_Chain] = []
        for number, record in enumerate(records):
            told = dict(record.inputs)
            if LAYERS_BELOW in told:
                self._waiting.setdefault(told[LAYERS_BELOW], []).append(number)
            elif told:
                self._linked.append(number)  # what COPY --link makes stands on anything

    def follow(self, begin: _Chain) -> None:
        """Find everything that was made on ``begin``."""
        reached = [begin]
        while reached:
            chain = reached.pop()
            if chain.number >= 0:
                self.all.append(chain)
            for number in self._waiting.pop(_told(chain.layers), ()):
                reached.append(self._on(chain, number))

    def over_linked(self) -> list[_Chain]:
        """The chains that go on over one more linked layer to something that waits for them."""
        if not self._waiting:
            return []
        chains = [_Chain((), -1), *self.all]
        longer = (self._on(chain, number) for chain in chains for number in self._linked[:_MOST_LINKED])
        tried = itertools.islice(longer, _MOST_TRIES)
        return [chain for chain in tried if _told(chain.layers) in self._waiting]

    def _on(self, chain: _Chain, number: int) -> _Chain:
        return _Chain((*chain.layers, str(self._records[number].layer.diff_id)), number, chain.number)


def _told(layers: tuple[str, ...]) -> str:
    return Input(LAYERS_BELOW, frame(layers)).short
