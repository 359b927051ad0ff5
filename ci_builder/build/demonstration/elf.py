"""What an ELF file needs to run: its loader and its libraries (System V ABI, ELF and dynamic linking)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ci_builder.errors import InvalidValue
from ci_builder.values import dataclass

_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRING_TABLE, _RPATH, _RUNPATH = 1, 5, 15, 29


@dataclass(frozen=True, slots=True)
class Elf:
    """``kind`` tells apart what cannot be mixed: (class, byte order, machine). ``interpreter`` is the
    loader's path, empty for a static program or a library; ``needed`` are names such as ``libc.so.6``;
    ``search`` the folders of DT_RUNPATH or DT_RPATH, ``$ORIGIN`` not yet replaced."""

    kind: tuple[int, int, int]
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Segment:
    type: int
    offset: int
    address: int
    size: int


def read_elf(path: Path) -> Elf:
    """Read the dynamic section of the file. Raises InvalidValue when it is no ELF file, OSError."""
    data = path.read_bytes()
    if len(data) < 64 or data[:4] != b"\x7fELF" or data[4] not in (1, 2) or data[5] not in (1, 2):
        raise InvalidValue("ELF file", str(path), "it does not begin as one")
    try:
        return _parse(data)
    except (struct.error, ValueError, IndexError) as error:
        raise InvalidValue("ELF file", str(path), f"it is damaged: {error}") from error


def _parse(data: bytes) -> Elf:
    order = "<" if data[5] == 1 else ">"
    wide = data[4] == 2
    kind = (data[4], data[5], struct.unpack_from(order + "H", data, 18)[0])
    segments = list(_segments(data, order, wide))
    interpreter = ""
    entries: list[tuple[int, int]] = []
    for segment in segments:
        content = data[segment.offset : segment.offset + segment.size]
        if segment.type in (_INTERPRETER, _DYNAMIC) and len(content) < segment.size:
            raise ValueError("it ends too early")
        if segment.type == _INTERPRETER:
            interpreter = content.rstrip(b"\0").decode()
        elif segment.type == _DYNAMIC:
            entries = _dynamic(content, order, wide)
    strings = next((value for tag, value in entries if tag == _STRING_TABLE), 0)
    base = _offset(segments, strings) if entries else 0

    def text(index: int) -> str:
        begin = base + index
        return data[begin : data.index(b"\0", begin)].decode()

    needed = tuple(text(value) for tag, value in entries if tag == _NEEDED)
    paths = [text(value) for tag, value in entries if tag == _RUNPATH] or [
        text(value) for tag, value in entries if tag == _RPATH
    ]
    search = tuple(folder for path in paths for folder in path.split(":") if folder)
    return Elf(kind, interpreter, needed, search)


def _segments(data: bytes, order: str, wide: bool) -> Iterator[_Segment]:
    if wide:
        start, size, count = (*struct.unpack_from(order + "Q", data, 32), *_counts(data, order, 54))
        layout = struct.Struct(order + "IIQQQQQQ")
    else:
        start, size, count = (*struct.unpack_from(order + "I", data, 28), *_counts(data, order, 42))
        layout = struct.Struct(order + "IIIIIIII")
    for number in range(count):
        fields = layout.unpack_from(data, start + number * size)
        if wide:
            yield _Segment(fields[0], fields[2], fields[3], fields[5])
        else:
            yield _Segment(fields[0], fields[1], fields[2], fields[4])


def _counts(data: bytes, order: str, at: int) -> tuple[int, int]:
    size, count = struct.unpack_from(order + "HH", data, at)
    return size, count


def _dynamic(content: bytes, order: str, wide: bool) -> list[tuple[int, int]]:
    layout = struct.Struct(order + ("qQ" if wide else "iI"))
    whole = content[: len(content) - len(content) % layout.size]
    return [(tag, value) for tag, value in layout.iter_unpack(whole)]


def _offset(segments: list[_Segment], address: int) -> int:
    for segment in segments:
        if segment.type == _LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ValueError("the string table is in no segment")
