"""The first names of files that have several, whatever their number."""

from __future__ import annotations

import zlib

from ci_builder.rootfs.numbers import NumberMap

Key = tuple[int, int]

_FEW = 1 << 12
_BLOCK = 128  # paths that are compressed together
_OPEN = 64  # blocks


class FirstNames:
    """By device and inode. Of the first ``few`` files it has objects."""

    def __init__(self, few: int = _FEW) -> None:
        self._most = few
        self._few: dict[Key, bytes] = {}
        self._many: dict[int, NumberMap] = {}
        self._paths = _Paths()

    def other(self, key: Key, path: bytes) -> bytes | None:
        """The first ``path`` that came with ``key``; None when that is this one."""
        if len(self._few) < self._most or key in self._few:
            first = self._few.setdefault(key, path)
            return None if first == path else first
        device, inode = key
        numbers = self._many.get(device)
        if numbers is None:
            numbers = self._many[device] = NumberMap()
        known = numbers.get(inode)
        if known is None:
            numbers.put(inode, self._paths.add(path))
            return None
        first = self._paths.at(known)
        return None if first == path else first


class _Paths:
    """Paths by their number."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[bytes] = []
        self._open: dict[int, list[bytes]] = {}

    def add(self, path: bytes) -> int:
        """Its number."""
        if len(self._last) == _BLOCK:
            self._blocks.append(zlib.compress(b"\0".join(self._last), 1))
            self._last = []
        self._last.append(path)
        return len(self._blocks) * _BLOCK + len(self._last) - 1

    def at(self, number: int) -> bytes:
        """The path of that number."""
        block, at = divmod(number, _BLOCK)
        if block == len(self._blocks):
            return self._last[at]
        if block not in self._open:
            if len(self._open) == _OPEN:
                del self._open[next(iter(self._open))]
            self._open[block] = zlib.decompress(self._blocks[block]).split(b"\0")
        return self._open[block][at]
