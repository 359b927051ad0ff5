"""An HTTP proxy in front of a real registry that breaks what it is told to break, as often as it is told.

with serve_broken(registry.host) as proxy:
    proxy.breaks(Status(429, {"Retry-After": "3"}), method="GET", path="/blobs/", times=2)
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True)
class Status:
    """Answer this, and do not ask the registry."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"errors":[{"code":"BROKEN","message":"as told"}]}'


@dataclass(frozen=True)
class ResetUpload:
    """Reset the connection after ``after`` bytes of the request's body; the registry sees nothing."""

    after: int = 0


@dataclass(frozen=True)
class LoseAnswer:
    """Let the registry do it, then reset the connection instead of answering."""


@dataclass(frozen=True)
class Truncate:
    """End the connection after ``after`` bytes of the answer's body, ``reset`` or closed."""

    after: int
    reset: bool = False


@dataclass(frozen=True)
class Rewrite:
    """Replace the answer's body from ``offset`` on by ``data``; ``length`` overrides Content-Length."""

    data: bytes
    offset: int = 0
    append: bool = False


@dataclass(frozen=True)
class Redirect:
    """Send the client to ``base`` (scheme://host) with the same path."""

    base: str
    status: int = 307


@dataclass(frozen=True)
class IgnoreRange:
    """Answer the whole blob to a request for a range."""


@dataclass(frozen=True)
class Delay:
    """Wait before the registry is asked."""

    seconds: float


@dataclass(frozen=True)
class Headers:
    """Set these headers in the registry's answer (an empty value removes one)."""

    headers: dict[str, str]


@dataclass(frozen=True)
class Drip:
    """Send the body byte by byte, each after so many seconds."""

    seconds: float


Fault = (
    Status | ResetUpload | LoseAnswer | Truncate | Rewrite | Redirect | IgnoreRange | Delay | Headers | Drip
)


@dataclass
class _Rule:
    fault: Fault
    method: str
    path: re.Pattern[str]
    times: int


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]


class BreakingProxy(ThreadingHTTPServer):
    """The proxy. ``host`` is what references name; ``seen`` are all requests, in their order."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.seen: list[Seen] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self.server_address[1]}"

    def breaks(self, fault: Fault, method: str = "", path: str = "", times: int = 1) -> None:
        """Apply ``fault`` to the next ``times`` requests of ``method`` whose path matches."""
        self._rules.append(_Rule(fault, method, re.compile(path), times))

    def unbroken(self) -> None:
        """Nothing is to break any more."""
        self._rules.clear()

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault for a request; used up by asking."""
        with self._lock:
            for rule in self._rules:
                if rule.times and rule.method in ("", method) and rule.path.search(path):
                    rule.times -= 1
                    return rule.fault
        return None

    def count(self, method: str, path: str = "") -> int:
        """How many requests came."""
        return sum(1 for seen in self.seen if seen.method == method and re.search(path, seen.path))

    def unused(self) -> list[Fault]:
        """Faults that never happened: a test that expects one must see none here."""
        return [rule.fault for rule in self._rules if rule.times]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are broken on purpose: nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: BreakingProxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _do(self) -> None:
        headers = {name.title(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers))
        fault = self.server.fault_for(self.command, self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if isinstance(fault, ResetUpload):
            self.rfile.read(min(fault.after, length))
            self._reset()
            return
        body = self.rfile.read(length)
        if isinstance(fault, Delay):
            time.sleep(fault.seconds)
        if isinstance(fault, Status):
            self._send(fault.status, {"Content-Type": "application/json", **fault.headers}, fault.body)
            return
        if isinstance(fault, Redirect):
            self._send(fault.status, {"Location": fault.base + self.path}, b"")
            return
        self._forward(body, fault)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _do

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        if isinstance(fault, IgnoreRange):
            headers.pop("Range", None)
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            given = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        finally:
            connection.close()
        if isinstance(fault, LoseAnswer):
            self._reset()
        elif isinstance(fault, Truncate):
            self._send(answer.status, given, data[: fault.after], keep_length=True)
            if fault.reset:
                time.sleep(0.3)  # a reset takes along what the client has not read yet
                self._reset()
            else:
                self._end()
        elif isinstance(fault, Rewrite):
            end = len(data) if fault.append else fault.offset + len(fault.data)
            start = len(data) if fault.append else fault.offset
            self._send(answer.status, given, data[:start] + fault.data + data[end:])
        elif isinstance(fault, Drip):
            self._send(answer.status, given, b"", keep_length=True)
            with contextlib.suppress(OSError):
                for at in range(len(data)):
                    time.sleep(fault.seconds)
                    self.wfile.write(data[at : at + 1])
            self.close_connection = True
        else:
            if isinstance(fault, Headers):
                given = {name: value for name, value in (given | fault.headers).items() if value}
            self._send(answer.status, given, data, keep_length=self.command == "HEAD")

    def _send(self, status: int, headers: dict[str, str], body: bytes, *, keep_length: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = next((v for k, v in headers.items() if k.lower() == "content-length"), None)
        if status != 204:
            self.send_header("Content-Length", length if keep_length and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _end(self) -> None:
        self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True


@contextmanager
def serve_broken(upstream: str) -> Iterator[BreakingProxy]:
    """Run a proxy in front of the registry at ``upstream`` (``host:port``)."""
    with BreakingProxy(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
