"""Ports of EXPOSE: ``80``, ``80/udp``, ``8000-8010/tcp``, and docker's ``[[ip:]host:]port``."""

from __future__ import annotations

import ipaddress

_PROTOCOLS = ("tcp", "udp", "sctp")


def parse_ports(text: str) -> tuple[str, ...]:
    """As ``port/protocol`` each; a host part is checked and dropped, as it means nothing in an image.
    Raises ValueError."""
    *host, rest = text.rsplit(":", 2)
    port, _, protocol = rest.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise ValueError(f"invalid protocol {protocol!r} of port {text!r}; it is tcp, udp or sctp")
    first, last = _range(port, text)
    _check_host(host, text, last - first)
    return tuple(f"{number}/{protocol}" for number in range(first, last + 1))


def _range(port: str, text: str) -> tuple[int, int]:
    first, dash, last = port.partition("-")
    begin = _number(first, text)
    end = _number(last, text) if dash else begin
    if end < begin:
        raise ValueError(f"the range of ports {text!r} goes backwards")
    return begin, end


def _number(digits: str, text: str) -> int:
    if not digits.isascii() or not digits.isdigit() or len(digits) > 5 or int(digits) > 65535:
        raise ValueError(f"invalid port {text!r}")
    return int(digits)


def _check_host(host: list[str], text: str, length: int) -> None:
    if host and host[-1]:
        first, last = _range(host[-1], text)
        if length not in (0, last - first):
            raise ValueError(f"the ranges of {text!r} differ in length")
    if len(host) == 2 and host[0]:
        ipaddress.ip_address(host[0].removeprefix("[").removesuffix("]"))
