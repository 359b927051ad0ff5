"""Byte strings by the million, in order, in a few bytes each: names and paths of files.

They are sorted in runs and kept compressed, so that neither sorting nor keeping them needs an object
for each.
"""

from __future__ import annotations

import heapq
import itertools
import zlib
from collections.abc import Collection, Iterable, Iterator

SEPARATOR = b"/"
"""The only thing that no item may contain, beside being empty."""

_RUN = 1 << 13  # items
_RUN_SIZE = 8 << 20  # bytes of the items that are sorted at once
_BLOCK = 1 << 14  # bytes that are compressed together


class Packed(Collection[bytes]):
    """Different byte strings, ascending. Never changes."""

    __slots__ = ("_blocks", "_length")

    def __init__(self, blocks: tuple[bytes, ...], length: int) -> None:
        self._blocks = blocks
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield from _items(block)

    def __reversed__(self) -> Iterator[bytes]:
        for block in reversed(self._blocks):
            yield from reversed(_items(block))

    def __len__(self) -> int:
        return self._length

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)


class Sorter:
    """Takes items in any order, the same ones again too; items that come in order cost the least. At most
    ``run`` of them are sorted at once."""

    def __init__(self, run: int = _RUN) -> None:
        self._run = run
        self._open: list[bytes] = []
        self._runs: list[list[bytes]] = [[]]
        self._last = b""
        self._length = 0
        self._size = 0

    def add(self, item: bytes) -> None:
        """Take one that is not empty and has no SEPARATOR."""
        self._open.append(item)
        self._size += len(item)
        if len(self._open) >= self._run or self._size >= _RUN_SIZE:
            self._close()

    def packed(self) -> Packed:
        """All of them. The sorter is not to be used any more."""
        self._close()
        if len(self._runs) == 1:
            return Packed(tuple(self._runs[0]), self._length)
        merged = heapq.merge(*(itertools.chain.from_iterable(map(_items, run)) for run in self._runs))
        blocks: list[bytes] = []
        length = _write((item for item, _ in itertools.groupby(merged)), blocks)
        return Packed(tuple(blocks), length)

    def _close(self) -> None:
        """Put what is open behind the last run where it fits, else into a run of its own."""
        if not self._open:
            return
        self._open.sort()
        if self._open[0] <= self._last:
            self._runs.append([])
        self._last = self._open[-1]
        self._length += _write((item for item, _ in itertools.groupby(self._open)), self._runs[-1])
        self._open.clear()
        self._size = 0


def packed(items: Iterable[bytes]) -> Packed:
    """``items``, each once, ascending."""
    sorter = Sorter()
    for item in items:
        sorter.add(item)
    return sorter.packed()


def _write(items: Iterator[bytes], blocks: list[bytes]) -> int:
    """Add ``items`` to ``blocks``; their number."""
    length = 0
    size = 0
    part: list[bytes] = []
    for item in items:
        part.append(item)
        length += 1
        size += len(item)
        if size >= _BLOCK:
            blocks.append(_block(part))
            part.clear()
            size = 0
    if part:
        blocks.append(_block(part))
    return length


def _block(items: list[bytes]) -> bytes:
    return zlib.compress(SEPARATOR.join(items), 1)


def _items(block: bytes) -> list[bytes]:
    return zlib.decompress(block).split(SEPARATOR)
