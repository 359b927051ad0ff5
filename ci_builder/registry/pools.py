"""Connections to registries with a ready TLS context, and nothing of the process's environment.

Imported when the first request is sent: a build that asks no registry never waits for urllib3.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

import urllib3

from ci_builder.registry.answers import Answer

if TYPE_CHECKING:
    import ssl

# Connections, and hosts to which there are some.
KEPT = 16
# Larger than urllib3's 16 KiB, for uploads.
BLOCK = 1 << 18


class _Connection(urllib3.connection.HTTPSConnection):
    """urllib3 warns at every request that is not verified; here somebody chose that by an option."""

    def connect(self) -> None:
        super().connect()
        self.is_verified = True


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


CLASSES = {"http": urllib3.HTTPConnectionPool, "https": _Pool}


class Pools:
    """Kept connections, direct ones and those through each proxy. Thread-safe."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Without a context it is for plain HTTP only."""
        settings: dict[str, Any] = {"num_pools": KEPT, "maxsize": KEPT, "blocksize": BLOCK}
        self._settings = settings | ({"ssl_context": context} if context is not None else {})
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        timeouts: tuple[float, float],
        proxy: str = "",
    ) -> Answer:
        """One request and its answer, unread; redirects are answers. ``body`` is bytes or has a length and
        ``read``; ``timeouts`` are seconds to connect and between two pieces of the answer. Raises the
        errors of urllib3, and OSError."""
        sent = dict(headers)
        if body is not None:
            sent["Content-Length"] = str(len(body))
        response = self._manager(proxy).request(
            method,
            url,
            body=body,
            headers=sent,
            timeout=urllib3.Timeout(connect=timeouts[0], read=timeouts[1]),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        return Answer(response.status, response.reason or "", response.headers, url, response)

    def close(self) -> None:
        """Close every connection that waits for a request."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _manager(self, proxy: str) -> urllib3.PoolManager:
        with self._lock:
            if proxy not in self._managers:
                made = _through(proxy, self._settings) if proxy else urllib3.PoolManager(**self._settings)
                made.pool_classes_by_scheme = CLASSES
                self._managers[proxy] = made
            return self._managers[proxy]


def _through(proxy: str, settings: dict[str, Any]) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        login = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        headers = {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"}
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **settings)
