"""Handing a descriptor to another process from under a filter that tells of sendmsg(2)."""

from __future__ import annotations

import ctypes
import struct

from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import system_call

_SOL_SOCKET, _SCM_RIGHTS = 1, 1
_CONTROL = struct.Struct("=Qiii4x")  # struct cmsghdr with one descriptor, unix(7)
_LENGTH = 20  # of it, without what follows
_PART = struct.Struct("=QQ")  # struct iovec
_MESSAGE = struct.Struct("=QI4xQQQQi4xI4x")  # struct mmsghdr, sendmmsg(2)


def hand_over(connection: int, descriptor: int) -> None:
    """Send the byte ``l`` and a copy of ``descriptor`` through the unix socket ``connection``, as a list of
    one message. Raises OSError."""
    text = ctypes.create_string_buffer(b"l", 1)
    part = ctypes.create_string_buffer(_PART.pack(ctypes.addressof(text), 1), _PART.size)
    control = _CONTROL.pack(_LENGTH, _SOL_SOCKET, _SCM_RIGHTS, descriptor)
    rights = ctypes.create_string_buffer(control, _CONTROL.size)
    places = (ctypes.addressof(part), 1, ctypes.addressof(rights), _CONTROL.size)
    message = ctypes.create_string_buffer(_MESSAGE.pack(0, 0, *places, 0, 0), _MESSAGE.size)
    system_call("sendmmsg", of_this_machine().calls["sendmmsg"], connection, message, 1, 0)
