"""Files without a name: pipes, sockets, memory files and what else the kernel gives descriptors of. They are
no files of the image, and belong to who made them."""

from __future__ import annotations

import contextlib
import os
import socket


def devices() -> frozenset[int]:
    """The file systems (st_dev) that the kernel keeps them in."""
    found: set[int] = set()
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as made:
        opened = [reading, writing]
        with contextlib.suppress(OSError):
            opened.append(os.memfd_create("", os.MFD_CLOEXEC))
        found.update(os.fstat(descriptor).st_dev for descriptor in (*opened, made.fileno()))
        for descriptor in opened:
            os.close(descriptor)
    return frozenset(found)
