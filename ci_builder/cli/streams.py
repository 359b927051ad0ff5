"""The standard streams as whoever started the program left them: closed, full, or as they should be."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import BinaryIO

_STANDARD = (0, 1, 2)


class Log(io.TextIOWrapper):
    """Standard error. A full disk behind it stops no build: what cannot be written is lost, and ``lost``
    says so. BrokenPipeError is raised as ever."""

    def __init__(self) -> None:
        stream = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
        super().__init__(stream, encoding="utf-8", errors="backslashreplace", write_through=True)
        self.lost = False

    def write(self, text: str, /) -> int:
        """See TextIOBase."""
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError:
            self.lost = True
            return len(text)

    def flush(self) -> None:
        """See IOBase."""
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError:
            self.lost = True


def fill_gaps() -> None:
    """Put the null device where a standard stream is closed: no file that is opened later may get its
    number, and with it what is printed."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def output_is_closed() -> bool:
    """Whether the program was started without a standard output."""
    return sys.stdout is None


def binary_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output; one that is closed is empty."""
    stdin = sys.stdin.buffer if sys.stdin is not None else io.BytesIO()
    stdout = sys.stdout.buffer if sys.stdout is not None else io.BytesIO()
    return stdin, stdout


def give_up_output() -> None:
    """Drop what standard output did not take: Python would try it once more at its end, and complain."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
