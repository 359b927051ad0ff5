"""Headers of a deterministic tar: ustar, with pax records for what ustar cannot hold (POSIX.1-2017, pax)."""

from __future__ import annotations

import os
import stat as stat_module
import struct

from ci_builder.rootfs.byte_sum import byte_sum
from ci_builder.rootfs.metadata import Metadata
from ci_builder.rootfs.pax import format_record, xattr_record

END = bytes(1024)
_HEADER = struct.Struct("100s48s8sc100s8s32s32s8s8s155s12x")
_NO_DEVICE = (b"0000000\0", b"0000000\0")
# What follows the type in the header of a file that is neither a link nor a device.
_REST = bytes(100) + b"ustar\x0000" + bytes(64) + b"".join(_NO_DEVICE) + bytes(167)
_REST_SUM = sum(_REST) + 8 * ord(" ")
_TYPES = {
    stat_module.S_IFREG: b"0",
    stat_module.S_IFLNK: b"2",
    stat_module.S_IFCHR: b"3",
    stat_module.S_IFBLK: b"4",
    stat_module.S_IFDIR: b"5",
    stat_module.S_IFIFO: b"6",
}
_MAX_7 = 0o7777777
_MAX_11 = 0o77777777777
_PAX_NAME = b"PaxHeaders/x"


def padding(size: int) -> bytes:
    """The zeros that follow ``size`` bytes of content."""
    return bytes(-size & 511)


def entry_header(
    name: bytes, metadata: Metadata, *, size: int = 0, link: bytes = b"", hard: bool = False, device: int = 0
) -> bytes:
    """Everything before the content of one member. ``name`` is relative, a directory's without a slash.

    ``hard``: it is a hard link to ``link``. Times are cut to whole seconds, as docker does; user and
    group have no names. ``device`` is a st_rdev.
    """
    kind = b"1" if hard else _TYPES[stat_module.S_IFMT(metadata.mode)]
    if kind == b"5":
        name += b"/"
    if not (link or device or metadata.xattrs):
        ids = (metadata.mode, metadata.uid, metadata.gid)
        plain = plain_header(name, ids, (size, metadata.mtime_ns // 10**9), kind)
        if plain is not None:
            return plain
    return _any_header(name, metadata, size, kind, (link, device))


def plain_header(
    name: bytes, ids: tuple[int, int, int], numbers: tuple[int, int], kind: bytes
) -> bytes | None:
    """What ``entry_header`` gives for nearly all files, in fewer steps; None for the others. ``ids`` are
    mode, user and group, ``numbers`` size and time (in seconds)."""
    mode, uid, gid = ids
    size, seconds = numbers
    if len(name) > 100 or not (0 <= uid <= _MAX_7 and 0 <= gid <= _MAX_7):
        return None
    if not (0 <= size <= _MAX_11 and 0 <= seconds <= _MAX_11):
        return None
    text = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode & 0o7777, uid, gid, size, seconds)
    checksum = byte_sum(name) + byte_sum(text) + kind[0] + _REST_SUM
    return b"%b%b%06o\0 %b%b" % (name.ljust(100, b"\0"), text, checksum, kind, _REST)


def _any_header(name: bytes, metadata: Metadata, size: int, kind: bytes, target: tuple[bytes, int]) -> bytes:
    link, device = target
    records = b""
    split = _split(name)
    if split is None:
        records += format_record(b"path", name)
        split = b"", name[:100]
    if len(link) > 100:
        records += format_record(b"linkpath", link)
    seconds = metadata.mtime_ns // 10**9
    uid, gid = metadata.uid, metadata.gid
    if not (0 <= uid <= _MAX_7 and 0 <= gid <= _MAX_7 and 0 <= size <= _MAX_11 and 0 <= seconds <= _MAX_11):
        numbers = ((b"uid", uid, _MAX_7), (b"gid", gid, _MAX_7), (b"size", size, _MAX_11))
        for key, value, most in (*numbers, (b"mtime", seconds, _MAX_11)):
            if not 0 <= value <= most:
                records += format_record(key, b"%d" % value)
    # Of a hard link too, as in docker's layers: unpacking sets the owner, which clears capabilities.
    records += b"".join(xattr_record(key, value) for key, value in metadata.xattrs)
    header = _header(
        split,
        (stat_module.S_IMODE(metadata.mode), _fit(uid, _MAX_7), _fit(gid, _MAX_7)),
        (_fit(size, _MAX_11), _fit(seconds, _MAX_11)),
        kind,
        (link[:100], device),
    )
    return _extended(records) + header if records else header


def _extended(records: bytes) -> bytes:
    header = _header((b"", _PAX_NAME), (0o644, 0, 0), (len(records), 0), b"x", (b"", 0))
    return header + records + padding(len(records))


def _header(
    name: tuple[bytes, bytes],
    ids: tuple[int, int, int],
    numbers: tuple[int, int],
    kind: bytes,
    target: tuple[bytes, int],
) -> bytes:
    link, device = target
    ends = (kind, link, b"ustar\x0000", b"", b"", *_device(device), name[0])
    header = _HEADER.pack(name[1], b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (*ids, *numbers), b"        ", *ends)
    return b"%b%06o\0 %b" % (header[:148], byte_sum(header), header[156:])


def _device(number: int) -> tuple[bytes, bytes]:
    if not number:
        return _NO_DEVICE
    return b"%07o\0" % os.major(number), b"%07o\0" % os.minor(number)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """``name`` as ustar's prefix and name, None when it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.rfind(b"/", 0, min(156, len(name) - 1))
    if cut <= 0 or len(name) - cut - 1 > 100:
        return None
    return name[:cut], name[cut + 1 :]


def _fit(value: int, most: int) -> int:
    return value if 0 <= value <= most else 0
