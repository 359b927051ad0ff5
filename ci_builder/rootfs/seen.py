"""Paths that were met, whatever their number."""

from __future__ import annotations

from ci_builder.rootfs.numbers import NumberMap

_FEW = 1 << 12


class Seen:
    """A set of paths. Of the first ``few`` it knows the text, of later ones 64 bits of a hash with a key of
    this process, which are those of another path by chance only (2^-64 for each pair)."""

    def __init__(self, few: int = _FEW) -> None:
        self._most = few
        self._few: set[bytes] = set()
        self._many = NumberMap("B")

    def __contains__(self, path: bytes) -> bool:
        return path in self._few or self._many.get(_number(path)) is not None

    def add(self, path: bytes) -> bool:
        """Whether it is new."""
        if path in self._few:
            return False
        if len(self._few) < self._most:
            self._few.add(path)
            return True
        return self._many.put(_number(path), 0) is None


def _number(path: bytes) -> int:
    return hash(path) & 0xFFFFFFFFFFFFFFFF or 1
