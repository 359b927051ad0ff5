"""Sparse files in tars: the old GNU type ``S`` and the pax formats 0.0, 0.1 and 1.0
(GNU tar manual, "Storing Sparse Files")."""

from __future__ import annotations

from collections.abc import Callable

from ci_builder.errors import ImageError
from ci_builder.rootfs.blocks import Blocks
from ci_builder.rootfs.pax import parse_number

Segments = tuple[tuple[int, int], ...]
_MAX_SEGMENTS = 200_000
_BLOCK = 512


def old_gnu(header: bytes, number: Callable[[bytes], int], blocks: Blocks) -> tuple[int, Segments]:
    """Real size and segments of an old GNU sparse member; reads its extension blocks. Raises ImageError."""
    segments = _pairs(header[386:482], number)
    more = header[482:483] not in (b"\0", b"0")
    while more:
        block = bytes(blocks.take(_BLOCK))
        if len(block) < _BLOCK or len(segments) > _MAX_SEGMENTS:
            raise ImageError("a layer's sparse file has a malformed map")
        segments += _pairs(block[:504], number)
        more = block[504:505] not in (b"\0", b"0")
    return number(header[483:495]), tuple(segments)


def _pairs(area: bytes, number: Callable[[bytes], int]) -> list[tuple[int, int]]:
    fields = [area[start : start + 12] for start in range(0, len(area), 12)]
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [(number(offset), number(size)) for offset, size in pairs if offset.strip(b"\0 ")]


def from_records(records: list[tuple[bytes, bytes]]) -> tuple[int, Segments] | None:
    """Real size and segments as pax 0.0 and 0.1 have them, None for other members. Raises ImageError."""
    values = dict(records)
    if b"GNU.sparse.size" not in values:
        return None
    real = parse_number(values[b"GNU.sparse.size"], "size")
    if b"GNU.sparse.map" in values:
        numbers = [part for part in values[b"GNU.sparse.map"].split(b",") if part]
    else:
        keys = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
        numbers = [value for key, value in records if key in keys]
    return real, _from_numbers(numbers)


def from_data(blocks: Blocks) -> tuple[int, Segments]:
    """The map at the start of a pax 1.0 member's data: (bytes that it took, segments). Raises ImageError."""
    text = b""
    taken = 0
    wanted = 1
    lines: list[bytes] = []
    while len(lines) < wanted:
        block = bytes(blocks.take(_BLOCK))
        taken += len(block)
        *whole, text = (text + block).split(b"\n")
        lines += whole
        if len(block) < _BLOCK or len(text) > _BLOCK or (not lines and taken > _BLOCK):
            raise ImageError("a layer's sparse file has a malformed map")
        if lines:
            wanted = 1 + 2 * parse_number(lines[0], "sparse map")
        if wanted > 2 * _MAX_SEGMENTS:
            raise ImageError("a layer's sparse file has too many parts")
    return taken, _from_numbers(lines[1:wanted])


def _from_numbers(numbers: list[bytes]) -> Segments:
    if len(numbers) % 2 or len(numbers) > 2 * _MAX_SEGMENTS:
        raise ImageError("a layer's sparse file has a malformed map")
    values = [parse_number(item, "sparse map") for item in numbers]
    return tuple(zip(values[::2], values[1::2], strict=True))


def check(real: int, stored: int, segments: Segments) -> None:
    """Segments ascend, do not overlap, lie within the file and hold what is stored. Raises ImageError."""
    end = 0
    total = 0
    for offset, size in segments:
        if offset < end or offset + size > real:
            raise ImageError("a layer's sparse file has a map that does not fit its size")
        end = offset + size
        total += size
    if total != stored:
        raise ImageError("a layer's sparse file has a map that does not fit its data")
