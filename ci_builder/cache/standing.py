"""Which layers of a cache were made on which: without the first ones of a stage nothing else of it is found.

A record says of the layers below its own only a few digits of their digest, so they are found from the bottom
up: on no layer at all, on those that were made on none, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable

from ci_builder.cache.inputs import LAYERS_BELOW, Input, frame
from ci_builder.cache.record import Record
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """``above``: how many layers a record's own was made on, ``used``: when it, or one that was made on it,
    was last used, in seconds since 1970."""

    above: int
    used: int


def standing_of(records: Iterable[Record]) -> list[tuple[Record, Standing]]:
    """Each record with its standing; one that does not tell what is below it stands alone."""
    found = list(records)
    above = [0] * len(found)
    used = [record.used for record in found]
    waiting: dict[str, list[int]] = {}
    for number, record in enumerate(found):
        below = dict(record.inputs).get(LAYERS_BELOW)
        if below is not None:
            waiting.setdefault(below, []).append(number)
    order: list[tuple[int, int]] = []  # (number, that of the one below, -1 for none), the lower ones first
    reached: list[tuple[tuple[str, ...], int]] = [((), -1)]
    while reached:
        layers, below_it = reached.pop()
        for number in waiting.pop(Input(LAYERS_BELOW, frame(layers)).short, ()):
            order.append((number, below_it))
            above[number] = len(layers)
            reached.append(((*layers, str(found[number].layer.diff_id)), number))
    for number, below_it in reversed(order):
        if below_it >= 0:
            used[below_it] = max(used[below_it], used[number])
    return [(record, Standing(above[number], used[number])) for number, record in enumerate(found)]
