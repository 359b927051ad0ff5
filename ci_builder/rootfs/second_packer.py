"""A second process that packs parts of a layer while the first packs others: the first one's side of it.

Packing many small files is the interpreter's work, which one process does on one processor. So paths travel
to another one (pack_parts.py), and their tar comes back in a file in memory. The tar is what one process
would have written: the second does only what needs nothing of what came before, and leaves off where there
is anything else.
"""

from __future__ import annotations

import marshal
import os
import socket
import struct
from collections.abc import Callable, Sequence

from ci_builder.rootfs.times import Times
from ci_builder.values import dataclass

LENGTH = struct.Struct("=Q")
DONE = struct.Struct("=QQ")
"""How many of the paths were packed, and the size of their tar."""


@dataclass(frozen=True, slots=True)
class PackOrder:
    """What the second process has to know: the tree's ``root`` and ``untouchable`` (see Tree; its owners are
    the kernel's), the ``times`` that files get, and whether nobody writes to the tree (``still``)."""

    root: str
    untouchable: frozenset[bytes]
    times: Times
    still: bool

    def to_bytes(self) -> bytes:
        """For another process that runs the same interpreter."""
        return marshal.dumps((self.root, self.untouchable, self.times.latest, self.times.all, self.still))

    @staticmethod
    def from_bytes(data: bytes) -> PackOrder:
        """What ``to_bytes`` gave."""
        root, untouchable, latest, every, still = marshal.loads(data)  # noqa: S302 our own data
        return PackOrder(root, untouchable, Times(latest, every), still)


class SecondPacker:
    """``control`` leads to the process, which writes to the file ``memory``. Where it ends too early, the
    first has to do all by itself."""

    def __init__(self, order: PackOrder, control: socket.socket, memory: int) -> None:
        self._control = control
        self._memory = memory
        self._alive = True
        self._asked = False
        self._send(order.to_bytes())

    def begin(self, paths: Sequence[bytes]) -> None:
        """Have it pack ``paths``, none empty."""
        self._asked = bool(paths)
        if paths:
            self._send(b"\0".join(paths))

    def end(self) -> tuple[int, bytes]:
        """Wait for it; how many of the paths are in its tar, counted from the first, and the tar."""
        if not self._asked or not self._alive:
            return 0, b""
        try:
            answer = self._control.recv(DONE.size, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        if len(answer) < DONE.size:
            self._alive = False
            return 0, b""
        count, size = DONE.unpack(answer)
        tar = bytearray()
        while len(tar) < size:
            tar += os.pread(self._memory, size - len(tar), len(tar))
        return int(count), bytes(tar)

    def close(self) -> None:
        """End it."""
        self._control.close()
        os.close(self._memory)

    def _send(self, data: bytes) -> None:
        if self._alive:
            try:
                self._control.sendall(LENGTH.pack(len(data)) + data)
            except OSError:
                self._alive = False


Hire = Callable[[PackOrder], "SecondPacker | None"]
"""Starts one; None: there is none to be had."""
