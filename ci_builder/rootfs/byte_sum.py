"""The checksum of a tar header: its bytes added up (POSIX.1-2017, pax, "ustar Interchange Format")."""

from __future__ import annotations

import zlib

_HALF = 256


def byte_sum(header: bytes) -> int:
    """The bytes of a header of at most 512 bytes added up. Adler-32 adds them up too, and much faster (RFC
    1950, 8.2): modulo 65521, which 256 bytes do not reach."""
    if len(header) <= _HALF:
        return (zlib.adler32(header) & 0xFFFF) - 1
    first, second = zlib.adler32(header[:_HALF]), zlib.adler32(header[_HALF:])
    return (first & 0xFFFF) + (second & 0xFFFF) - 2
