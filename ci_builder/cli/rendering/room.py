"""What takes the room, and what was removed, as text and as JSON: the answers of ``du`` and ``prune``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ci_builder.cache.limits import Entry, size_of
from ci_builder.cli.rendering.outlook import moment
from ci_builder.cli.rendering.text import one_line, size
from ci_builder.values import dataclass

Rooms = Sequence[tuple[str, Sequence[Entry]]]
_WIDTH = 90
_HEAD = f"  {'SIZE':>9}  {'MADE':<16}  {'USED':<16}  WHAT"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went from one place; ``freed`` bytes are free already. ``dry``: nothing was done."""

    place: str
    entries: Sequence[Entry]
    gone: Sequence[Entry]
    freed: int
    dry: bool

    @property
    def left(self) -> list[Entry]:
        """What stays."""
        gone = {(entry.scope, entry.identity) for entry in self.gone}
        return [entry for entry in self.entries if (entry.scope, entry.identity) not in gone]


def room_text(rooms: Rooms) -> str:
    """For people."""
    return "\n\n".join("\n".join(_place(name, entries)) for name, entries in rooms)


def room_json(rooms: Rooms) -> str:
    """For programs."""
    value = [
        {"place": name, "size": size_of(entries), "scopes": _scopes_json(entries)} for name, entries in rooms
    ]
    return json.dumps({"places": value}, indent=2, ensure_ascii=False)


def pruned_text(done: Sequence[Pruned]) -> str:
    """For people."""
    return "\n\n".join("\n".join(_pruned(item)) for item in done)


def pruned_json(done: Sequence[Pruned]) -> dict[str, Any]:
    """For programs."""
    return {
        "dryRun": any(item.dry for item in done),
        "places": [
            {
                "place": item.place,
                "before": size_of(item.entries),
                "after": size_of(item.left),
                "freed": item.freed,
                "removed": _scopes_json(item.gone),
            }
            for item in done
        ],
    }


def _place(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    yield f"{name}: {_sum(entries)}"
    if entries:
        yield _HEAD
    yield from _rows(entries)


def _pruned(item: Pruned) -> Iterator[str]:
    would = "would be removed" if item.dry else "removed"
    yield f"{item.place}: {_sum(item.gone)} {would}, {size(size_of(item.left))} left"
    unnamed = item.freed - size_of(item.gone)
    if unnamed > 0:
        yield f"  {size(unnamed)} removed that nothing named"
    if item.gone:
        yield _HEAD
    yield from _rows(item.gone)


def _rows(entries: Sequence[Entry]) -> Iterator[str]:
    for scope, inside in _by_scope(entries).items():
        made, used = min(entry.made for entry in inside), max(entry.used for entry in inside)
        yield _row(size_of(inside), made, used, f"{scope}: {len(inside)}")
        for entry in inside:
            yield _row(entry.size, entry.made, entry.used, f"  {one_line(entry.title, _WIDTH)}")


def _row(count: int, made: int, used: int, what: str) -> str:
    return f"  {size(count):>9}  {moment(made)}  {moment(used)}  {what}"


def _sum(entries: Sequence[Entry]) -> str:
    count = len(entries)
    return f"{count} {'entry' if count == 1 else 'entries'}, {size(size_of(entries))}"


def _by_scope(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.scope, []).append(entry)
    return found


def _scopes_json(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "scope": scope,
            "size": size_of(inside),
            "made": min(entry.made for entry in inside),
            "used": max(entry.used for entry in inside),
            "entries": [
                {
                    "title": entry.title,
                    "size": entry.size,
                    "made": entry.made,
                    "used": entry.used,
                    "blobs": [name for name, _ in entry.blobs],
                }
                for entry in inside
            ],
        }
        for scope, inside in _by_scope(entries).items()
    ]
