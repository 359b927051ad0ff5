"""A forward proxy as companies have one: CONNECT for https, absolute URLs for http; knows some names."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class ForwardProxy(ThreadingHTTPServer):
    """The proxy. ``seen`` are ``METHOD TARGET`` lines; who it ``wants_login`` of gets nowhere."""

    daemon_threads = True

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.names = dict(names)
        self.seen: list[str] = []
        self.wants_login = False

    @property
    def url(self) -> str:
        """The value for HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def place(self, name: str) -> tuple[str, int]:
        """Where ``name`` really is."""
        host, _, port = self.names[name.partition(":")[0]].partition(":")
        return host, int(port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    server: ForwardProxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.server.seen.append(f"CONNECT {self.path}")
        if self.server.wants_login:
            self.send_error(407)
            return
        with socket.create_connection(self.server.place(self.path)) as upstream:
            self.send_response(200)
            self.end_headers()
            pairs = {self.connection: upstream, upstream: self.connection}
            while True:
                for source in select.select(list(pairs), [], [])[0]:
                    data = source.recv(1 << 16)
                    if not data:
                        self.close_connection = True
                        return
                    pairs[source].sendall(data)

    def _do(self) -> None:
        self.server.seen.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        try:
            place = self.server.place(parts.netloc)
        except KeyError:
            self.send_error(502)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        connection = http.client.HTTPConnection(*place, timeout=30)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(self.command, path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        if answer.status != 204:
            length = answer.getheader("Content-Length") or "0"
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _do


@contextmanager
def serve_proxy(names: Mapping[str, str]) -> Iterator[ForwardProxy]:
    """Run a proxy to which ``names`` are the ``host:port`` given."""
    with ForwardProxy(names) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
