"""Reading an exact number of bytes from blocks of any size, without copying where it can be helped."""

from __future__ import annotations

from collections.abc import Iterator

from ci_builder.errors import ImageError


class Blocks:
    """A reader over an iterator of byte blocks. ``offset`` counts the bytes that were taken."""

    __slots__ = ("_blocks", "_position", "_view")

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._view = memoryview(b"")
        self._position = 0

    def take(self, size: int) -> bytes | memoryview:
        """Exactly ``size`` bytes (small: they are held in memory); empty at the very end. Raises
        ImageError when the stream ends in between."""
        end = self._position + size
        if end <= len(self._view):
            view = self._view[self._position : end]
            self._position = end
            return view
        parts = list(self._up_to(size))
        got = sum(map(len, parts))
        if got and got < size:
            raise ImageError("a layer's tar is cut off")
        return b"".join(parts)

    def pieces(self, size: int) -> Iterator[memoryview]:
        """``size`` bytes in pieces as they come. Raises ImageError when the stream ends before."""
        got = 0
        for piece in self._up_to(size):
            got += len(piece)
            yield piece
        if got < size:
            raise ImageError("a layer's tar is cut off")

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes. Raises ImageError when the stream ends before."""
        end = self._position + size
        if end <= len(self._view):
            self._position = end
            return
        for _ in self.pieces(size):
            pass

    def drain(self) -> None:
        """Read to the end of the stream, so that digests computed on the way cover all of it."""
        self._view = memoryview(b"")
        self._position = 0
        for _ in self._blocks:
            pass

    def _up_to(self, size: int) -> Iterator[memoryview]:
        while size > 0:
            if self._position == len(self._view):
                block = next(self._blocks, None)
                if block is None:
                    return
                self._view = memoryview(block)
                self._position = 0
            piece = self._view[self._position : self._position + size]
            self._position += len(piece)
            size -= len(piece)
            if piece:
                yield piece
