"""Integers by the million with a number each, in a few bytes: inode numbers, hashes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import BinaryIO, Literal

_SHARDS = 64
_LEAST = 16  # slots of a shard
_ALL = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15

Width = Literal["B", "I"]
"""Values below 2^8, or below 2^32."""


class _Shard:
    """A hash table with open addressing and linear probing in two arrays."""

    __slots__ = ("keys", "used", "values", "width")

    def __init__(self, slots: int, width: Width) -> None:
        self.keys = array("Q", bytes(8 * slots))
        self.values = array(width, bytes(slots * array(width).itemsize))
        self.width = width
        self.used = 0

    def first(self, key: int) -> int:
        """The slot where the search for ``key`` begins."""
        return ((key * _MIX & _ALL) >> 24) % len(self.keys)

    def slot(self, key: int) -> int:
        """Where ``key`` is, or the free slot where it belongs."""
        keys = self.keys
        slots = len(keys)
        slot = ((key * _MIX & _ALL) >> 24) % slots
        while (there := keys[slot]) and there != key:
            slot += 1
            if slot == slots:
                slot = 0
        return slot

    def put(self, key: int, value: int) -> int | None:
        slot = self.slot(key)
        before = self.values[slot]
        self.values[slot] = value
        if self.keys[slot]:
            return before
        self.keys[slot] = key
        self.used += 1
        if 10 * self.used > 7 * len(self.keys):
            self._grow()
        return None

    def pop(self, key: int) -> int | None:
        gap = self.slot(key)
        if not self.keys[gap]:
            return None
        value = self.values[gap]
        self.used -= 1
        slots = len(self.keys)
        slot = gap
        while True:
            # What was put further along, because of what now goes, moves up.
            slot = (slot + 1) % slots
            moving = self.keys[slot]
            if not moving:
                break
            if (slot - self.first(moving)) % slots >= (slot - gap) % slots:
                self.keys[gap], self.values[gap] = moving, self.values[slot]
                gap = slot
        self.keys[gap] = 0
        return value

    def _grow(self) -> None:
        larger = _Shard(len(self.keys) * 3 // 2, self.width)
        for key, value in zip(self.keys, self.values, strict=True):
            if key:
                slot = larger.slot(key)
                larger.keys[slot], larger.values[slot] = key, value
        self.keys, self.values = larger.keys, larger.values


class NumberMap:
    """Keys from 1 to 2^64 - 1, each with a value of a ``width``: 15 to 25 bytes for each. It grows a part
    at a time, so that it never takes much more for a moment."""

    __slots__ = ("_shards", "_width")

    def __init__(self, width: Width = "I") -> None:
        self._width = width
        self._shards = [_Shard(_LEAST, width) for _ in range(_SHARDS)]

    def __len__(self) -> int:
        return sum(shard.used for shard in self._shards)

    def get(self, key: int) -> int | None:
        """The value of ``key``."""
        shard = self._shard(key)
        slot = shard.slot(key)
        return shard.values[slot] if shard.keys[slot] else None

    def put(self, key: int, value: int) -> int | None:
        """Give ``key`` a value; returns the one before."""
        return self._shard(key).put(key, value)

    def pop(self, key: int) -> int | None:
        """Remove ``key``; returns its value."""
        return self._shard(key).pop(key)

    def items(self) -> Iterator[tuple[int, int]]:
        """Each key with its value."""
        for shard in self._shards:
            for key, value in zip(shard.keys, shard.values, strict=True):
                if key:
                    yield key, value

    def write(self, file: BinaryIO) -> None:
        """Write everything, for this machine."""
        for shard in self._shards:
            array("Q", (len(shard.keys), shard.used)).tofile(file)
            shard.keys.tofile(file)
            shard.values.tofile(file)

    @staticmethod
    def read(file: BinaryIO, width: Width = "I") -> NumberMap:
        """What ``write`` wrote of a map of this ``width``. Raises EOFError."""
        made = NumberMap(width)
        for shard in made._shards:
            head = array("Q")
            head.fromfile(file, 2)
            shard.keys, shard.values = array("Q"), array(width)
            shard.keys.fromfile(file, head[0])
            shard.values.fromfile(file, head[0])
            shard.used = head[1]
        return made

    def _shard(self, key: int) -> _Shard:
        return self._shards[(key * _MIX & _ALL) >> 58]
