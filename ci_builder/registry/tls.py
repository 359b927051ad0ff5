"""TLS for registries: which authorities are believed, loaded once, so that nothing is read from disk later
(in place, the files of ``/`` are replaced during a build)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ci_builder.errors import UsageError
from ci_builder.request import RegistryOptions

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)
_POOL = 16
_BLOCK = 1 << 18


def tls_context(host: str, options: RegistryOptions, environment: Mapping[str, str]) -> ssl.SSLContext:
    """The TLS context for ``host``: the system's authorities (SSL_CERT_FILE and REQUESTS_CA_BUNDLE name
    others) and, in addition, those of ``options``. Raises UsageError for a bundle that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if listed(host, options.skip_tls_verify):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        _load(context, base_bundle(environment))
        for wanted, path in options.certificates:
            if wanted in ("*", host):
                _load(context, path)
    for wanted, certificate, key in options.client_certificates:
        if wanted in ("*", host):
            try:
                context.load_cert_chain(certificate, key or None)
            except (OSError, ssl.SSLError) as error:
                raise UsageError(f"the client certificate {certificate} cannot be used: {error}") from error
    return context


def listed(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether an option given for ``hosts`` (``*``: all) is meant for ``host``."""
    return "*" in hosts or host in hosts


def base_bundle(environment: Mapping[str, str]) -> str:
    """The path of the bundle of authorities that everybody is verified with."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environment.get(name):
            return environment[name]
    return next((path for path in _SYSTEM_BUNDLES if Path(path).is_file()), DEFAULT_CA_BUNDLE_PATH)


def session_with(context: ssl.SSLContext) -> requests.Session:
    """A session that uses ``context`` and nothing of the process's environment: no .netrc, no cookies."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    session.headers["User-Agent"] = "ci_builder"
    session.cookies.set_policy(_NoCookies())
    session.mount("https://", _Adapter(context))
    session.mount("http://", _Adapter(context))
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    """Cookies would make a session unsafe to share between threads, and no registry needs them."""

    def set_ok(self, cookie: object, request: object) -> bool:
        return False

    def return_ok(self, cookie: object, request: object) -> bool:
        return False


class _Connection(urllib3.connection.HTTPSConnection):
    """urllib3 warns at every request that is not verified; here somebody chose that by an option."""

    def connect(self) -> None:
        super().connect()
        self.is_verified = True


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


_POOLS = {"http": urllib3.HTTPConnectionPool, "https": _Pool}


class _Adapter(HTTPAdapter):
    """Connections with a ready TLS context, and blocks larger than urllib3's 16 KiB for uploads."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=_POOL, pool_maxsize=_POOL, max_retries=urllib3.Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords, ssl_context=self._context, blocksize=_BLOCK)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **keywords: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **keywords, ssl_context=self._context, blocksize=_BLOCK)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        # The context says all about verification; requests' own settings would be added to it.
        host_parameters, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host_parameters, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass


def _load(context: ssl.SSLContext, path: str) -> None:
    try:
        if Path(path).is_dir():
            for file in sorted(Path(path).iterdir()):
                if file.suffix in (".crt", ".pem", ".cert"):
                    context.load_verify_locations(cafile=str(file))
            return
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the bundle of certificates {path} cannot be read: {error}") from error
