"""What a layer's tar holds, without the contents: for comparing two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ci_builder.rootfs.tar_reader import Kind, TarReader
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as the tar says it; ``content`` is the SHA-256 of a file's bytes in hex digits (of a
    sparse one with where its holes are), empty for everything else, ``mtime_ns`` in nanoseconds."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    link: bytes = b""
    device: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()
    content: str = ""


def list_members(blocks: Iterator[bytes]) -> dict[bytes, Member]:
    """Every entry of the tar in ``blocks`` by its path, in the tar's order. Raises ImageError, and what
    the blocks raise."""
    reader = TarReader(blocks)
    return {
        entry.name.strip(b"/"): Member(
            entry.kind,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.size,
            entry.mtime_ns,
            entry.link,
            entry.device,
            entry.xattrs,
            _digest(reader) if entry.kind == "file" else "",
        )
        for entry in reader
    }


def _digest(reader: TarReader) -> str:
    hasher = hashlib.sha256()
    position = 0
    for offset, piece in reader.content():
        if offset != position:
            hasher.update(b"hole up to %d" % offset)
        hasher.update(piece)
        position = offset + len(piece)
    return hasher.hexdigest()
