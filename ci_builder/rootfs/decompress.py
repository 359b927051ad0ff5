"""Decompressing streams block by block, however much they expand."""

from __future__ import annotations

import bz2
import itertools
import lzma
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from isal import igzip_lib

from ci_builder.errors import ImageError

if TYPE_CHECKING:
    import zstandard

Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]

_INPUT = 256 << 10
_OUTPUT = 1 << 20
_ZSTD_INPUT = 1 << 10
_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
)
_GZIP_ERROR: Any = igzip_lib.error
_MAX_WINDOW = 128 << 20  # zstd --ultra needs no more for what its tools accept by default


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def detect(head: bytes) -> Compression:
    """How a stream that begins with ``head`` (6 bytes are enough) is compressed; ``none`` otherwise."""
    for magic, compression in _MAGIC:
        if head.startswith(magic):
            return compression
    if head[:1] and head[0] & 0xF0 == 0x50 and head[1:4] == b"\x2a\x4d\x18":
        return "zstd"  # a skippable frame comes first (RFC 8878, 3.1.2)
    return "none"


def decompressed(stream: BinaryIO, compression: str = "") -> Iterator[bytes]:
    """The content of ``stream`` in blocks of about a megabyte at most.

    What the stream begins with decides: media types lie, and docker goes by the content too. The
    argument serves messages only. Raises ImageError for broken data.
    """
    blocks = iter(lambda: stream.read(_INPUT), b"")
    first = next(blocks, b"")
    while 0 < len(first) < 6:
        more = next(blocks, b"")
        if not more:
            break
        first += more
    found = detect(first)
    whole = itertools.chain((first,) if first else (), blocks)
    try:
        if found == "none":
            yield from whole
        elif found == "zstd":
            yield from _zstd(whole)
        else:
            yield from _members(whole, found)
    except (_GZIP_ERROR, lzma.LZMAError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        kind = compression or found
        raise ImageError(f"{kind} data is broken: {error}") from error


def _new(compression: Compression) -> _Decompressor:
    if compression == "gzip":
        gzip: _Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return gzip
    return bz2.BZ2Decompressor() if compression == "bzip2" else lzma.LZMADecompressor()


def _members(blocks: Iterator[bytes], compression: Compression) -> Iterator[bytes]:
    """One member after another; zero bytes after the last are padding."""
    rest = b""
    while True:
        decompressor = _new(compression)
        rest = yield from _member(decompressor, rest, blocks)
        rest = rest.lstrip(b"\0")
        while not rest:
            block = next(blocks, None)
            if block is None:
                return
            rest = block.lstrip(b"\0")
        while len(rest) < 6 and (block := next(blocks, None)) is not None:
            rest += block
        if detect(rest) != compression:
            raise EOFError("something else follows its end")


def _member(
    decompressor: _Decompressor, data: bytes, blocks: Iterator[bytes]
) -> Generator[bytes, None, bytes]:
    starved = True
    while not decompressor.eof:
        if (starved or decompressor.needs_input) and not data:
            data = next(blocks, b"")
            if not data:
                raise EOFError("it is cut off")
        block = decompressor.decompress(data, _OUTPUT)
        data = b""
        starved = not block
        if block:
            yield block
    return decompressor.unused_data


def _zstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard  # here: few layers are zstd

    try:
        yield from _frames(blocks)
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from error


def _frames(blocks: Iterator[bytes]) -> Iterator[bytes]:
    # This decompressor cannot be told to stop after so many bytes, and four bytes can mean 128 KiB
    # (RFC 8878, 3.1.1.2.2): small pieces bound what one call gives.
    frame = _new_frame()
    started = False
    for block in blocks:
        rest, gathered = memoryview(block), bytearray()
        while rest:
            gathered += frame.decompress(rest[:_ZSTD_INPUT])
            started = True
            rest = rest[_ZSTD_INPUT:]
            if frame.eof:
                rest = memoryview(frame.unused_data + bytes(rest))
                frame, started = _new_frame(), False
            if len(gathered) >= _OUTPUT:
                yield bytes(gathered)
                gathered = bytearray()
        if gathered:
            yield bytes(gathered)
    if started:
        raise EOFError("it is cut off")


def _new_frame() -> zstandard.ZstdDecompressionObj:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
