"""Compressing a stream so that the same input always gives the same bytes."""

from __future__ import annotations

import zlib
from typing import Protocol

from isal import isal_zlib

from ci_builder.errors import UsageError
from ci_builder.values import dataclass

FEED = 1 << 20
_GZIP = 31  # zlib's window bits for the gzip format, largest window
_DEFAULT_LEVELS = {"none": 0, "gzip": 1, "zstd": 3}


@dataclass(frozen=True, slots=True)
class Compression:
    """``name`` is none, gzip or zstd; ``level`` the format's own, None for the default."""

    name: str
    level: int | None = None


GZIP = Compression("gzip")


def check(compression: Compression) -> None:
    """Raise UsageError for an unknown name, or a level that the format does not have."""
    if compression.name == "none" and compression.level is not None:
        raise UsageError("what is not compressed has no compression level")
    _new(compression.name, compression.level)


class _Stream(Protocol):
    def compress(self, data: bytes | memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Compressor:
    """Bytes in, compressed bytes out. The input is cut into blocks of one fixed size, because ISA-L's
    output depends on how it is fed."""

    def __init__(self, compression: Compression) -> None:
        """Raises UsageError for an unknown name or level."""
        self._stream = _new(compression.name, compression.level)
        self._waiting: list[memoryview] = []
        self._size = 0

    def compress(self, data: bytes | memoryview) -> bytes:
        """Take ``data``; returns what there is to write by now, maybe nothing."""
        self._waiting.append(memoryview(data))
        self._size += len(data)
        if self._size < FEED:
            return b""
        view = self._joined()
        whole = len(view) - len(view) % FEED
        self._waiting = [view[whole:]] if whole < len(view) else []
        self._size = len(view) - whole
        return b"".join(self._stream.compress(view[at : at + FEED]) for at in range(0, whole, FEED))

    def finish(self) -> bytes:
        """The rest."""
        return self._stream.compress(self._joined()) + self._stream.flush()

    def _joined(self) -> memoryview:
        """What waits, in one piece: nothing is copied where it is one already."""
        return self._waiting[0] if len(self._waiting) == 1 else memoryview(b"".join(self._waiting))


def _new(compression: str, level: int | None) -> _Stream:
    if compression not in _DEFAULT_LEVELS:
        raise UsageError(f"layers cannot be written with the compression {compression!r}")
    chosen = _DEFAULT_LEVELS[compression] if level is None else level
    if compression == "none":
        return _Plain()
    if compression == "zstd":
        if not 1 <= chosen <= 22:
            raise UsageError(f"zstd has the levels 1 to 22, not {chosen}")
        import zstandard  # here: few layers are zstd

        return zstandard.ZstdCompressor(level=chosen, write_checksum=True).compressobj()
    if not 0 <= chosen <= 9:
        raise UsageError(f"gzip has the levels 0 to 9, not {chosen}")
    # ISA-L's levels 0 to 2 give the same bytes on every processor, its level 3 does not.
    if chosen <= 2:
        fast: _Stream = isal_zlib.compressobj(chosen, wbits=_GZIP)
        return fast
    return zlib.compressobj(chosen, wbits=_GZIP)


class _Plain:
    def compress(self, data: bytes | memoryview, /) -> bytes:
        return bytes(data)

    def flush(self) -> bytes:
        return b""
