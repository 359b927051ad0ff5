"""Layers of a cache that may fail to come, though they were there a moment ago."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from ci_builder.errors import CiBuilderError
from ci_builder.values import dataclass

_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Guarded:
    """Opens what ``opener`` opens; ``lost`` is called when it cannot be opened or read to its end. The error
    is raised all the same."""

    opener: Callable[[], BinaryIO]
    lost: Callable[[], None]

    def open(self) -> BinaryIO:
        """A fresh stream. Raises CiBuilderError, as reading it does."""
        try:
            return io.BufferedReader(_Reader(self.opener(), self.lost), _BUFFER)
        except CiBuilderError:
            self.lost()
            raise


class _Reader(io.RawIOBase):
    def __init__(self, inner: BinaryIO, lost: Callable[[], None]) -> None:
        self._inner = inner
        self._lost = lost

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except CiBuilderError:
            self._lost()
            raise
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
