"""decompress and compress: members, frames, padding, garbage, cut-off data, bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import resource
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.errors import ImageError, UsageError
from ci_builder.rootfs.compress import Compression, Compressor
from ci_builder.rootfs.decompress import decompressed, detect

DATA = bytes(range(256)) * 3000 + b"end"
SKIPPABLE = struct.pack("<II", 0x184D2A53, 5) + b"hello"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def whole(data: bytes) -> bytes:
    return b"".join(decompressed(io.BytesIO(data)))


@pytest.mark.parametrize(
    "stored",
    [
        DATA,
        gzip.compress(DATA, mtime=0),
        b"".join(gzip.compress(part, mtime=0) for part in (DATA[:1000], b"", DATA[1000:])),
        gzip.compress(DATA) + bytes(3000),
        zstd(DATA),
        zstd(DATA[:1000]) + zstd(b"") + zstd(DATA[1000:]),
        SKIPPABLE + zstd(DATA) + SKIPPABLE,
        bz2.compress(DATA),
        lzma.compress(DATA),
    ],
    ids=["none", "gzip", "members", "padding", "zstd", "frames", "skippable", "bzip2", "xz"],
)
def test_formats(stored: bytes) -> None:
    assert whole(stored) == DATA


@pytest.mark.parametrize("pack", [gzip.compress, zstd, bz2.compress, lzma.compress])
def test_cut_off(pack: object) -> None:
    assert callable(pack)
    stored = pack(DATA)
    for size in (6, 12, len(stored) // 2, len(stored) - 1):
        with pytest.raises(ImageError, match="broken"):
            whole(stored[:size])


@pytest.mark.parametrize("stored", [gzip.compress(DATA) + b"garbage", zstd(DATA) + b"garbage!!"])
def test_garbage_at_the_end(stored: bytes) -> None:
    with pytest.raises(ImageError, match="broken"):
        whole(stored)


def test_a_wrong_checksum() -> None:
    stored = bytearray(gzip.compress(DATA))
    stored[-6] ^= 1
    with pytest.raises(ImageError, match="broken"):
        whole(bytes(stored))


def test_a_stream_that_gives_one_byte_at_a_time() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1)

    for stored in (gzip.compress(DATA[:2000]), zstd(DATA[:2000]), b"ab"):
        assert b"".join(decompressed(Slow(stored))) == (DATA[:2000] if len(stored) > 2 else b"ab")


def test_an_error_of_the_stream_stays_what_it_is() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError(104, "reset")

    with pytest.raises(ConnectionResetError):
        list(decompressed(Broken()))


@pytest.mark.parametrize("pack", [lambda: gzip.compress(bytes(300 << 20), 9), lambda: zstd(bytes(1 << 30))])
def test_a_bomb_goes_by_in_small_pieces(pack: object) -> None:
    assert callable(pack)
    stored = pack()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = max(len(block) for block in decompressed(io.BytesIO(stored)))
    assert largest <= 40 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10


def test_detect() -> None:
    assert [detect(head) for head in (b"", b"\x1f\x8b", SKIPPABLE, b"BZh9", b"./", b"\x5f")] == [
        "none",
        "gzip",
        "zstd",
        "bzip2",
        "none",
        "none",
    ]


@given(st.lists(st.integers(1, 3 << 20), min_size=1, max_size=4), st.sampled_from(["none", "gzip", "zstd"]))
def test_the_bytes_do_not_depend_on_the_feeding(sizes: list[int], name: str) -> None:
    data = (DATA * 12)[: sum(sizes)]
    one = Compressor(Compression(name))
    expected = one.compress(data) + one.finish()
    many = Compressor(Compression(name))
    stored, start = b"", 0
    for size in sizes:
        stored += many.compress(data[start : start + size])
        start += size
    stored += many.finish()
    assert stored == expected
    assert whole(stored) == data


@pytest.mark.parametrize("wrong", [Compression("lz4"), Compression("gzip", 10), Compression("zstd", 0)])
def test_what_cannot_be_written(wrong: Compression) -> None:
    with pytest.raises(UsageError):
        Compressor(wrong)


@pytest.mark.parametrize("level", [0, 1, 2, 6, 9])
def test_levels_of_gzip(level: int) -> None:
    compressor = Compressor(Compression("gzip", level))
    stored = compressor.compress(DATA) + compressor.finish()
    assert gzip.decompress(stored) == DATA
    assert stored[4:8] == bytes(4), "the time of day is in the header"
