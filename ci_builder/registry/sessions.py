"""Sessions of requests: with a ready TLS context, and nothing of the process's environment.

Imported when the first session is made: most builds fetch no URL, and never wait for requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ci_builder.registry.pools import BLOCK, CLASSES, KEPT

if TYPE_CHECKING:
    import ssl


def session_with(context: ssl.SSLContext | None) -> requests.Session:
    """A session that uses ``context`` and nothing of the process's environment: no .netrc, no cookies.

    Without a context it is for plain HTTP only.
    """
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.headers["User-Agent"] = "ci_builder"
    session.cookies.set_policy(_NoCookies())
    session.adapters.clear()
    session.mount("http://", _Adapter(context))
    if context is not None:
        session.mount("https://", _Adapter(context))
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    """Cookies would make a session unsafe to share between threads, and no registry needs them."""

    def set_ok(self, cookie: object, request: object) -> bool:
        return False

    def return_ok(self, cookie: object, request: object) -> bool:
        return False


class _Adapter(HTTPAdapter):
    """Connections with a ready TLS context, and blocks larger than urllib3's 16 KiB for uploads."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=KEPT, pool_maxsize=KEPT, max_retries=urllib3.Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords, ssl_context=self._context, blocksize=BLOCK)
        self.poolmanager.pool_classes_by_scheme = CLASSES

    def proxy_manager_for(self, proxy: Any, **keywords: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **keywords, ssl_context=self._context, blocksize=BLOCK)
        manager.pool_classes_by_scheme = CLASSES
        return manager

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        # The context says all about verification; requests' own settings would be added to it.
        host_parameters, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host_parameters, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass
