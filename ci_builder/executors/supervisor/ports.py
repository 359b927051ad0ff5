"""Ports that the kernel keeps for root (ip(7), ip_unprivileged_port_start): a command that seems to be root
is given another one, and whoever of the command connects to the kept one on this machine is led there."""

from __future__ import annotations

import contextlib
import socket
import struct

_START = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_USUAL = 1024
_HEAD = struct.Struct("=H2s")
_V4, _V6 = slice(4, 8), slice(8, 24)
_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address as IPv6 has it
_LOOPBACK = bytes(15) + b"\x01"
_TRIES = 100


class Ports:
    """The ports of one command that are others in truth."""

    def __init__(self) -> None:
        self._start = _start()
        self._given: dict[int, int] = {}

    def bound(self, address: bytes) -> bytes | None:
        """The address to bind in place of ``address``; None: there is no need for another. Raises OSError."""
        port = _port(address)
        if not 0 < port < self._start:
            return None
        if port not in self._given:
            self._given[port] = _free_port()
        return _with_port(address, self._given[port])

    def reached(self, address: bytes) -> bytes | None:
        """The same for an address to connect or to send to."""
        if not self._given:
            return None
        given = self._given.get(_port(address))
        return _with_port(address, given) if given and _is_here(address) else None


def _start() -> int:
    with contextlib.suppress(OSError, ValueError), open(_START, encoding="ascii") as file:
        return int(file.read())
    return _USUAL


def _port(address: bytes) -> int:
    """0 for addresses of other families."""
    if len(address) < 8:
        return 0
    family, port = _HEAD.unpack_from(address)
    return int.from_bytes(port, "big") if family in (socket.AF_INET, socket.AF_INET6) else 0


def _with_port(address: bytes, port: int) -> bytes:
    return address[:2] + port.to_bytes(2, "big") + address[4:]


def _is_here(address: bytes) -> bool:
    """Whether it is a loopback address, or none, which means the same."""
    family, _ = _HEAD.unpack_from(address)
    host = address[_V4 if family == socket.AF_INET else _V6]
    if host.startswith(_MAPPED):
        host = host.removeprefix(_MAPPED)
    return host in (bytes(4), bytes(16), _LOOPBACK) or (len(host) == 4 and host[0] == 127)


def _free_port() -> int:
    """One that nobody has, for TCP and UDP. Raises OSError."""
    for _ in range(_TRIES):
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("", 0))
            port: int = stream.getsockname()[1]
            with contextlib.suppress(OSError):
                datagram.bind(("", port))
                return port
    raise OSError("no port is free")
