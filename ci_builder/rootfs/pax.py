"""Extended headers of pax archives: records ``length key=value`` (POSIX.1-2017, pax, "Extended Header")."""

from __future__ import annotations

import base64
import binascii
import os
import urllib.parse

from ci_builder.errors import ImageError

_SCHILY = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."
_MAX_DIGITS = 20


def parse_records(data: bytes) -> list[tuple[bytes, bytes]]:
    """The records in their order. Raises ImageError."""
    records = []
    start = 0
    while start < len(data):
        space = data.find(b" ", start, start + _MAX_DIGITS)
        digits = data[start:space] if space > 0 else b""
        end = start + int(digits) if digits.isdigit() else 0
        if end <= space or end > len(data) or data[end - 1 : end] != b"\n":
            if not data[start:].strip(b"\0"):
                break
            raise ImageError("a layer's extended header has a malformed record")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise ImageError("a layer's extended header has a record without a key")
        records.append((key, value))
        start = end
    return records


def format_record(key: bytes, value: bytes) -> bytes:
    """One record; its length counts its own digits."""
    size = len(key) + len(value) + 3
    length = size + len(str(size))
    length = size + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def xattrs_of(records: dict[bytes, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Extended attributes among the records: star's and GNU tar's SCHILY.xattr, then libarchive's own."""
    found: dict[str, bytes] = {}
    for key, value in records.items():
        if key.startswith(_SCHILY):
            found[os.fsdecode(key[len(_SCHILY) :])] = value
        elif key.startswith(_LIBARCHIVE):
            name = urllib.parse.unquote_to_bytes(key[len(_LIBARCHIVE) :])
            found.setdefault(os.fsdecode(name), _base64(value))
    if any(not key or "\0" in key for key in found):
        raise ImageError("a layer's tar has an extended attribute without a proper name")
    return tuple(sorted(found.items()))


def xattr_record(key: str, value: bytes) -> bytes:
    """The record that carries one extended attribute."""
    return format_record(_SCHILY + os.fsencode(key), value)


def parse_number(value: bytes, what: str) -> int:
    """A decimal number that is not negative. Raises ImageError."""
    if not value.isdigit() or len(value) > _MAX_DIGITS:
        raise ImageError(f"a layer's extended header has a {what} that is no number")
    return int(value)


def parse_time(value: bytes) -> int:
    """Seconds with an optional fraction, in nanoseconds. Raises ImageError."""
    negative = value.startswith(b"-")
    whole, _, fraction = value.removeprefix(b"-").partition(b".")
    if fraction and not fraction.isdigit():
        raise ImageError("a layer's extended header has a time that is no number")
    nanoseconds = parse_number(whole or b"0", "time") * 10**9 + int((fraction + b"0" * 9)[:9])
    return -nanoseconds if negative else nanoseconds


def _base64(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise ImageError("a layer's extended attribute is not base64") from error
