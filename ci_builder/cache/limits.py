"""What a cache may keep, and so what has to go. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ci_builder.cache.scope import scope_of
from ci_builder.values import dataclass

FRESH = 24 * 3600
"""Seconds in which another use is not worth writing down."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be removed by itself.

    scope     what it is a part of, by name
    identity  no other entry of the scope has it
    title     what people see
    blobs     what it holds, as (name, bytes); entries with the same name share that
    made      when it was made, ``used`` when it was last used, in seconds since 1970
    above     how many others of its scope it is found only after
    """

    scope: str
    identity: str
    title: str
    blobs: tuple[tuple[str, int], ...]
    made: int
    used: int
    above: int = 0

    @property
    def size(self) -> int:
        """Bytes, whoever else has them as well."""
        return sum(dict(self.blobs).values())


@dataclass(frozen=True, slots=True)
class Limits:
    """``older_than`` and ``unused_for`` are in seconds, ``max_size`` in bytes; None: no matter. ``nothing``:
    nothing may be kept at all."""

    older_than: int | None = None
    unused_for: int | None = None
    max_size: int | None = None
    max_scopes: int | None = None
    nothing: bool = False


def size_of(entries: Iterable[Entry]) -> int:
    """Bytes of all of them, what they share counted once."""
    return sum(dict(blob for entry in entries for blob in entry.blobs).values())


def surplus(entries: Sequence[Entry], limits: Limits, now: int) -> tuple[Entry, ...]:
    """Those that have to go: the old ones, then the scopes that were not used for the longest time, then the
    entries that were not used for the longest time until the rest is small enough."""
    kept = [] if limits.nothing else [entry for entry in entries if not _is_out(entry, limits, now)]
    if limits.max_scopes is not None:
        latest: dict[str, int] = {}
        for entry in kept:
            scope = scope_of(entry.scope)
            latest[scope] = max(entry.used, latest.get(scope, 0))
        order = sorted(latest, key=lambda scope: (-latest[scope], scope))
        staying = set(order[: limits.max_scopes])
        kept = [entry for entry in kept if scope_of(entry.scope) in staying]
    if limits.max_size is not None:
        kept = _small_enough(kept, limits.max_size)
    staying_ids = {(entry.scope, entry.identity) for entry in kept}
    return tuple(entry for entry in entries if (entry.scope, entry.identity) not in staying_ids)


def _is_out(entry: Entry, limits: Limits, now: int) -> bool:
    if limits.older_than is not None and now - entry.made > limits.older_than:
        return True
    return limits.unused_for is not None and now - entry.used > limits.unused_for


def _small_enough(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Without those that were used longest ago, of one build its last ones first: without the first ones
    nothing else of it is found. What others hold as well frees nothing."""
    holders = Counter(name for entry in entries for name in dict(entry.blobs))
    total = size_of(entries)
    kept = sorted(entries, key=lambda entry: (-entry.used, entry.above, -entry.made))
    while total > most and kept:
        for name, size in dict(kept.pop().blobs).items():
            holders[name] -= 1
            if not holders[name]:
                total -= size
    return kept
