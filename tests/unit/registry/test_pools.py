"""Connections to a real server: how long they wait for what."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from ci_builder.registry.pools import Pools

_SHORT, _LONG = 0.4, 10.0


class _Slow(BaseHTTPRequestHandler):
    """Takes longer than _SHORT to answer, and again in the middle of the answer."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        received = len(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(2 * _SHORT)
        self.send_response(201)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"%05d" % received)
        time.sleep(2 * _SHORT)
        self.wfile.write(b"12345")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class _SlowBody:
    """Four bytes, each of which takes its time."""

    def __init__(self) -> None:
        self._left = 4

    def __len__(self) -> int:
        return 4

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            return b""
        self._left -= 1
        time.sleep(_SHORT)
        return b"x"


def test_connecting_has_a_limit_of_its_own(url: str) -> None:
    """What is allowed for connecting says nothing of sending, of the answer, or of all of it."""
    pools = Pools(None)
    with pools.request("PUT", url, {}, _SlowBody(), (_SHORT, _LONG)) as answer:
        assert answer.status_code == 201
        assert answer.raw.read() == b"0000412345"
    pools.close()


def test_an_answer_that_does_not_come(url: str) -> None:
    pools = Pools(None)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        pools.request("PUT", url, {}, b"", (_LONG, _SHORT))
    pools.close()
