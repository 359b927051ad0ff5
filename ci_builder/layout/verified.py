"""Streams of a layout's blobs that end well only when they are what their digest says."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import DigestMismatch, ImageError
from ci_builder.oci.descriptor import Descriptor

_BUFFER = 1 << 18


def open_verified(path: Path, descriptor: Descriptor) -> BinaryIO:
    """A stream of the file at ``path``, which should be the blob of ``descriptor``.

    The last byte comes only when all is verified: what is copied, packed or sent from it is right if it was
    read to its end. Raises OSError, ImageError (it is no file); reading raises DigestMismatch, ImageError.
    """
    # Whatever lies there, nothing is waited for.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise ImageError(f"{path} is no regular file")
    return io.BufferedReader(_Verified(io.FileIO(opened), path, descriptor), _BUFFER)


class _Verified(io.RawIOBase):
    def __init__(self, file: io.FileIO, path: Path, descriptor: Descriptor) -> None:
        self._file = file
        self._path = path
        self._descriptor = descriptor
        self._hash = hashlib.new(descriptor.digest.algorithm)
        self._left = descriptor.size
        self._ended = False
        self._failure: DigestMismatch | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._failure is not None:
            raise self._failure
        if self._ended:
            return 0
        view = memoryview(buffer)  # a bytearray's slice would be a copy
        try:
            count = self._file.readinto(view[: self._left])
            self._left -= count
            more = self._left == 0 and self._file.read(1)
        except OSError as error:
            raise ImageError(f"cannot read {self._path}: {error.strerror or error}") from error
        self._hash.update(view[:count])
        self._failure = self._mismatch(count, bool(more))
        if self._failure is not None:
            raise self._failure
        self._ended = self._left == 0
        return count

    def _mismatch(self, count: int, more: bool) -> DigestMismatch | None:
        size, expected = self._descriptor.size, self._descriptor.digest
        if more:
            return DigestMismatch(str(self._path), f"{size} bytes", "more")
        if self._left and not count:
            return DigestMismatch(str(self._path), f"{size} bytes", f"{size - self._left} bytes")
        actual = self._hash.hexdigest() if self._left == 0 else expected.hex
        if actual != expected.hex:
            return DigestMismatch(str(self._path), str(expected), f"{expected.algorithm}:{actual}")
        return None

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
