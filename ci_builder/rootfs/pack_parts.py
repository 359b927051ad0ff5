"""The second process that packs (second_packer.py): its own side."""

from __future__ import annotations

import os
import socket

from ci_builder.errors import OutputError
from ci_builder.progress import silent
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.pack import Packing
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.second_packer import DONE, LENGTH, PackOrder
from ci_builder.rootfs.tree import Tree

_MOST = 8 << 20  # bytes of a part


def pack_parts(control: socket.socket, memory: int) -> None:
    """Pack what comes from ``control`` into the file ``memory`` until the other end is closed."""
    order = PackOrder.from_bytes(_receive(control))
    tree = Tree(order.root, KernelOwnership(), order.untouchable)
    part = _Part()
    with Directories(tree) as directories:
        packing = Packing(directories, part.write, silent, order.times, still=order.still)
        while data := _receive(control):
            count = _pack(packing, part, data.split(b"\0"))
            control.sendall(DONE.pack(count, part.move_to(memory)))


def _pack(packing: Packing, part: _Part, paths: list[bytes]) -> int:
    """How many of ``paths`` are in ``part`` now. What fails is left to the first process, which tells why."""
    for count, path in enumerate(paths):
        try:
            if part.size > _MOST or not packing.add_plain(path):
                return count
        except (OSError, OutputError):
            return count
    return len(paths)


class _Part:
    def __init__(self) -> None:
        self.size = 0
        self._written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._written.append(data)
        self.size += len(data)

    def move_to(self, memory: int) -> int:
        """Put all of it at the start of a file; how many bytes."""
        view = memoryview(b"".join(self._written))
        size, at = len(view), 0
        while at < size:
            at += os.pwrite(memory, view[at:], at)
        self._written.clear()
        self.size = 0
        return size


def _receive(control: socket.socket) -> bytes:
    """Empty at the end."""
    length = control.recv(LENGTH.size, socket.MSG_WAITALL)
    return control.recv(LENGTH.unpack(length)[0], socket.MSG_WAITALL) if len(length) == LENGTH.size else b""
