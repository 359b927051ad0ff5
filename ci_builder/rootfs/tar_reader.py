"""A streaming tar reader: ustar, GNU long names and sparse files, pax (POSIX.1-2017, pax).

Written for layers that strangers made: every size is bounded, every header's checksum verified, and
what is malformed or of an unknown type is an ImageError.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterator
from typing import Literal

from ci_builder.errors import ImageError, UnsafeLayer
from ci_builder.rootfs import sparse
from ci_builder.rootfs.blocks import Blocks
from ci_builder.rootfs.byte_sum import byte_sum
from ci_builder.rootfs.pax import parse_number, parse_records, parse_time, xattrs_of
from ci_builder.values import dataclass

Kind = Literal["file", "link", "symlink", "character", "block", "directory", "fifo"]

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_ZEROS = bytes(512)
_MAX_SPECIAL = 1 << 20  # of a pax header or a long name: as Go's archive/tar, and so docker
_MAX_GLOBAL = 1000
_SMALL = 1 << 16  # bytes of content that are taken at once
_MAX_ID = 2**32 - 2
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "link",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One member. ``name`` and ``link`` are as the tar has them; ``mode`` is permissions only; ``size``
    is the file's real size in bytes, 0 for everything but files; ``device`` is a st_rdev."""

    name: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    link: bytes
    device: int
    xattrs: tuple[tuple[str, bytes], ...] = ()


class TarReader:
    """Iterates over the entries of a tar that comes in blocks of bytes; ``copy_to`` and ``content`` give
    the current entry's content, which is passed over otherwise. The stream is read to its very end.
    Raises ImageError and whatever the blocks raise."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = Blocks(blocks)
        self._global: dict[bytes, bytes] = {}
        self._stored = 0  # bytes of content of the current entry that are not read yet, without padding
        self._padding = 0
        self._size = 0
        self._segments: sparse.Segments | None = None

    def __iter__(self) -> Iterator[Entry]:
        while True:
            entry = self._next()
            if entry is None:
                return
            yield entry
            self._finish()

    def content(self) -> Iterator[tuple[int, memoryview]]:
        """Pieces of the current file with their offsets; holes of sparse files are left out."""
        segments = self._segments if self._segments is not None else ((0, self._stored),)
        for offset, size in segments:
            position = offset
            for piece in self._blocks.pieces(size):
                self._stored -= len(piece)
                yield position, piece
                position += len(piece)

    def copy_to(self, descriptor: int) -> None:
        """Write the current file's content to an empty file. Raises OSError as well."""
        if self._segments is None:
            if self._stored <= _SMALL:
                _write(descriptor, self._at_once())
                return
            for _, piece in self.content():
                _write(descriptor, piece)
            return
        os.ftruncate(descriptor, self._size)
        for offset, piece in self.content():
            os.lseek(descriptor, offset, os.SEEK_SET)
            _write(descriptor, piece)

    def _at_once(self) -> bytes | memoryview:
        """All of the current file's content."""
        piece = self._blocks.take(self._stored)
        if len(piece) < self._stored:
            raise ImageError("a layer's tar is cut off")
        self._stored = 0
        return piece

    def _finish(self) -> None:
        rest = self._stored + self._padding
        if rest:
            self._blocks.skip(rest)
        self._stored = self._padding = 0

    def _next(self) -> Entry | None:
        local: list[tuple[bytes, bytes]] = []
        name = link = None
        while True:
            header = bytes(self._blocks.take(512))
            if not header or header == _ZEROS:
                self._end(header, pending=bool(local) or name is not None or link is not None)
                return None
            if len(header) < 512:
                raise ImageError("a layer's tar is cut off")
            _verify(header)
            kind = header[156:157]
            if kind == b"x":
                local += parse_records(self._special(header))
            elif kind == b"g":
                self._add_global(parse_records(self._special(header)))
            elif kind == b"L":
                name = self._special(header).split(b"\0", 1)[0]
            elif kind == b"K":
                link = self._special(header).split(b"\0", 1)[0]
            else:
                return self._entry(header, local, name, link)

    def _end(self, header: bytes, *, pending: bool) -> None:
        if pending:
            raise ImageError("a layer's tar ends after an extended header")
        if header:
            second = self._blocks.take(512)
            if second and bytes(second) != _ZEROS:
                raise ImageError("a layer's tar goes on after its end mark")
        self._blocks.drain()

    def _special(self, header: bytes) -> bytes:
        size = _number(header[124:136])
        if size > _MAX_SPECIAL:
            raise ImageError(f"a layer's tar has an extended header of {size} bytes")
        data = bytes(self._blocks.take(size))
        if len(data) < size:
            raise ImageError("a layer's tar is cut off")
        self._blocks.skip(-size & 511)
        return data

    def _add_global(self, records: list[tuple[bytes, bytes]]) -> None:
        for key, value in records:
            if value:
                self._global[key] = value
            else:
                self._global.pop(key, None)
        if len(self._global) > _MAX_GLOBAL:
            raise ImageError("a layer's tar has too many global records")

    def _entry(
        self, header: bytes, local: list[tuple[bytes, bytes]], name: bytes | None, link: bytes | None
    ) -> Entry:
        fields = _HEADER.unpack(header)
        kind = _KINDS.get(fields[7])
        if kind is None:
            raise ImageError(f"a layer's tar has an entry of the unknown type {fields[7]!r}")
        name = _name(fields) if name is None else name
        link = fields[8].split(b"\0", 1)[0] if link is None else link
        if fields[7] == b"\0" and name.endswith(b"/"):
            kind = "directory"
        stored = _number(fields[4]) if kind == "file" else 0
        values = (name, link, _repeated(fields[2]), _repeated(fields[3]), stored, _time(fields[5]))
        xattrs: tuple[tuple[str, bytes], ...] = ()
        records = {**self._global, **dict(local)} if local or self._global else None
        if records is not None:
            values = _override(values, records, kind)
            xattrs = xattrs_of(records)
        name, link, uid, gid, stored, mtime_ns = values
        size = self._open_content(header, local, stored)
        _check(name, link, uid, gid)
        device = os.makedev(_number(fields[12]), _number(fields[13])) if kind in ("character", "block") else 0
        mode = _repeated(fields[1]) & 0o7777
        return Entry(name, kind, mode, uid, gid, size, mtime_ns, link, device, xattrs)

    def _open_content(self, header: bytes, local: list[tuple[bytes, bytes]], stored: int) -> int:
        """Get ready to read the content; returns the file's real size."""
        self._segments = None
        self._padding = -stored & 511
        real = stored
        if header[156:157] == b"S":
            real, self._segments = sparse.old_gnu(header, _number, self._blocks)
        elif local and any(key.startswith(b"GNU.sparse.") for key, _ in local):
            found = sparse.from_records(local)
            if found is not None:
                real, self._segments = found
            else:
                values = dict(local)
                if values.get(b"GNU.sparse.major") != b"1":
                    raise ImageError("a layer's tar has a sparse file of an unknown format")
                real = parse_number(values.get(b"GNU.sparse.realsize", b""), "size")
                taken, self._segments = sparse.from_data(self._blocks)
                stored -= taken
        if self._segments is not None:
            sparse.check(real, stored, self._segments)
        self._stored = stored
        self._size = real
        return real


Values = tuple[bytes, bytes, int, int, int, int]


def _override(values: Values, records: dict[bytes, bytes], kind: Kind) -> Values:
    name, link, uid, gid, stored, mtime_ns = values
    name = records.get(b"GNU.sparse.name") or records.get(b"path") or name
    link = records.get(b"linkpath") or link
    if records.get(b"size") and kind == "file":
        stored = parse_number(records[b"size"], "size")
    if records.get(b"uid"):
        uid = parse_number(records[b"uid"], "uid")
    if records.get(b"gid"):
        gid = parse_number(records[b"gid"], "gid")
    if records.get(b"mtime"):
        mtime_ns = parse_time(records[b"mtime"])
    return name, link, uid, gid, stored, mtime_ns


def _name(fields: tuple[bytes, ...]) -> bytes:
    name = fields[0].split(b"\0", 1)[0]
    if fields[9] == b"ustar\x0000" and fields[14][0]:
        return fields[14].split(b"\0", 1)[0] + b"/" + name
    return name


def _check(name: bytes, link: bytes, uid: int, gid: int) -> None:
    if b"\0" in name or b"\0" in link:
        raise UnsafeLayer("a layer's tar has a name with a zero byte")
    if not name:
        raise ImageError("a layer's tar has an entry without a name")
    if not (0 <= uid <= _MAX_ID and 0 <= gid <= _MAX_ID):
        raise ImageError(f"/{os.fsdecode(name)} in a layer has the impossible owner {uid}:{gid}")


def _verify(header: bytes) -> None:
    field = header[148:156]
    wanted = _number(field)
    total = byte_sum(header) - sum(field) + 256
    if total == wanted:
        return
    # Some old tars summed signed bytes.
    signed = total - 256 * sum(byte > 127 for byte in header[:148] + header[156:])
    if signed != wanted:
        raise ImageError("a layer's tar has a header with a wrong checksum")


def _number(field: bytes) -> int:
    """A number that is not negative: octal digits, or GNU's base 256."""
    value = _plain(field)
    if value is None:
        value = _time_number(field)
    if value < 0:
        raise ImageError("a layer's tar has a negative number in a header")
    return value


def _plain(field: bytes) -> int | None:
    """Octal digits up to the end, as most writers have them; None for everything else."""
    digits = field[:-1]
    # isdigit refuses signs, underscores and blanks, which int() would take.
    if not digits.isdigit() or field[-1] not in b"\0 ":
        return None
    try:
        return int(digits, 8)
    except ValueError:
        return None


# Owners, permissions and times are the same in many headers.
_repeated = functools.lru_cache(maxsize=4096)(_number)


@functools.lru_cache(maxsize=4096)
def _time(field: bytes) -> int:
    return _time_number(field) * 10**9


def _time_number(field: bytes) -> int:
    first = field[0]
    if first & 0x80:
        rest = int.from_bytes(field[1:], "big") | (first & 0x3F) << (8 * (len(field) - 1))
        return rest - (1 << (8 * len(field) - 2)) if first & 0x40 else rest
    text = field.split(b"\0", 1)[0].strip(b" ")
    if not text:
        return 0
    # isdigit refuses signs, underscores and blanks, which int() would take.
    if not text.isdigit() or b"8" in text or b"9" in text:
        raise ImageError("a layer's tar has a header with a malformed number")
    return int(text, 8)


def _write(descriptor: int, piece: bytes | memoryview) -> None:
    written = os.write(descriptor, piece)
    while written < len(piece):
        written += os.write(descriptor, piece[written:])
