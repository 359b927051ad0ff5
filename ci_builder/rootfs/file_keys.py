"""Files by the million, by device and inode."""

from __future__ import annotations

import marshal
from typing import BinaryIO

from ci_builder.rootfs.numbers import NumberMap

Key = tuple[int, int]


class FileKeys:
    """A set of keys (device, inode)."""

    def __init__(self) -> None:
        self._inodes: dict[int, NumberMap] = {}

    def __contains__(self, key: Key) -> bool:
        inodes = self._inodes.get(key[0])
        return inodes is not None and inodes.get(key[1]) is not None

    def add(self, key: Key) -> None:
        """Put ``key`` into it."""
        inodes = self._inodes.get(key[0])
        if inodes is None:
            inodes = self._inodes[key[0]] = NumberMap("B")
        inodes.put(key[1], 0)

    def discard(self, key: Key) -> None:
        """Take ``key`` out of it."""
        if key[0] in self._inodes:
            self._inodes[key[0]].pop(key[1])

    def write(self, file: BinaryIO) -> None:
        """Write everything, for this machine."""
        marshal.dump(list(self._inodes), file)
        for inodes in self._inodes.values():
            inodes.write(file)

    def read(self, file: BinaryIO) -> None:
        """Replace it by what ``write`` wrote."""
        self._inodes = {device: NumberMap.read(file, "B") for device in marshal.load(file)}  # noqa: S302 ours
