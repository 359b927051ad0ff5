"""Integers by the million with a number each, in a few bytes: inode numbers, hashes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

_LEAST = 1 << 10  # slots
_ALL = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15


class NumberMap:
    """Keys from 1 to 2^64 - 1, each with a value below 2^32: 16 to 36 bytes for each.

    A hash table with open addressing and linear probing in two arrays.
    """

    __slots__ = ("_keys", "_mask", "_used", "_values")

    def __init__(self, slots: int = _LEAST) -> None:
        self._keys = array("Q", bytes(8 * slots))
        self._values = array("I", bytes(4 * slots))
        self._mask = slots - 1
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def get(self, key: int) -> int | None:
        """The value of ``key``."""
        slot = self._slot(key)
        return self._values[slot] if self._keys[slot] else None

    def put(self, key: int, value: int) -> int | None:
        """Give ``key`` a value; returns the one before."""
        slot = self._slot(key)
        before = self._values[slot]
        self._values[slot] = value
        if self._keys[slot]:
            return before
        self._keys[slot] = key
        self._used += 1
        if 4 * self._used > 3 * len(self._keys):
            self._grow()
        return None

    def pop(self, key: int) -> int | None:
        """Remove ``key``; returns its value."""
        gap = self._slot(key)
        if not self._keys[gap]:
            return None
        value = self._values[gap]
        self._used -= 1
        slot = gap
        while True:
            # What was put further along, because of what now goes, moves up.
            slot = (slot + 1) & self._mask
            moving = self._keys[slot]
            if not moving:
                break
            wanted = self._first(moving)
            if (slot - wanted) & self._mask >= (slot - gap) & self._mask:
                self._keys[gap], self._values[gap] = moving, self._values[slot]
                gap = slot
        self._keys[gap] = 0
        return value

    def items(self) -> Iterator[tuple[int, int]]:
        """Each key with its value."""
        return ((key, value) for key, value in zip(self._keys, self._values, strict=True) if key)

    def to_parts(self) -> tuple[bytes, bytes]:
        """Everything, for this machine."""
        return self._keys.tobytes(), self._values.tobytes()

    @staticmethod
    def of_parts(keys: bytes, values: bytes) -> NumberMap:
        """The inverse of ``to_parts``."""
        made = NumberMap(0)
        made._keys.frombytes(keys)
        made._values.frombytes(values)
        made._mask = len(made._keys) - 1
        made._used = len(made._keys) - made._keys.count(0)
        return made

    def _first(self, key: int) -> int:
        return (key * _MIX & _ALL) >> 29 & self._mask

    def _slot(self, key: int) -> int:
        """Where ``key`` is, or the free slot where it belongs."""
        keys, mask = self._keys, self._mask
        slot = (key * _MIX & _ALL) >> 29 & mask
        while (there := keys[slot]) and there != key:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        larger = NumberMap(2 * len(self._keys))
        keys, values = larger._keys, larger._values
        for key, value in self.items():
            slot = larger._slot(key)
            keys[slot], values[slot] = key, value
        self._keys, self._values, self._mask = keys, values, larger._mask
