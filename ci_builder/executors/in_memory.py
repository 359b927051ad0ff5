"""Files in memory, which travel to other processes as descriptors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol


class Known(Protocol):
    """What a command needs to be told of the files, and may change."""

    def write(self, file: BinaryIO) -> None:
        """Write everything, for a process that runs the same interpreter."""

    def read(self, file: BinaryIO) -> None:
        """Replace everything by what ``write`` wrote."""


def new_file(data: bytes = b"") -> int:
    """A file of its own with ``data``, to be read from its start."""
    descriptor = os.memfd_create("data", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@contextlib.contextmanager
def opened(descriptor: int) -> Iterator[BinaryIO]:
    """To read it from its start."""
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        yield file


@contextlib.contextmanager
def rewritten(descriptor: int) -> Iterator[BinaryIO]:
    """To write it anew."""
    os.ftruncate(descriptor, 0)
    with open(descriptor, "wb", closefd=False) as file:
        file.seek(0)
        yield file
