"""Where a registry's host is reached: scheme, TLS, proxy. Connections are kept, shared by all threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_builder.errors import RegistryUnreachable
from ci_builder.oci.reference import DOCKER_HUB
from ci_builder.registry.answers import Answer, connection_errors, discard, unreachable
from ci_builder.registry.listed import listed
from ci_builder.registry.proxies import is_loopback, proxy_for
from ci_builder.registry.tls import base_authorities, tls_context
from ci_builder.request import RegistryOptions

if TYPE_CHECKING:
    import ssl

    from ci_builder.registry.pools import Pools

_HUB_ADDRESS = "registry-1.docker.io"
#: Seconds to connect, and between two pieces of an answer.
TIMEOUTS = (15.0, 60.0)
# The last PUT of an upload is answered when the registry has hashed or copied the whole blob.
_PUT_TIMEOUTS = (15.0, 300.0)
_PROBE_TIMEOUTS = (5.0, 20.0)
# What servers that speak TLS answer to a plain request: Go, nginx, Apache.
# Names of pools that are no host's.
_DEFAULT, _PLAIN = "", "http:"
_WANTS_TLS = (b"HTTPS server", b"plain HTTP request was sent to HTTPS", b"speaking plain HTTP to an SSL")


class Connections:
    """The connections of one build. Thread-safe."""

    def __init__(self, options: RegistryOptions, environment: Mapping[str, str]) -> None:
        self._options = options
        self._environment = dict(environment)
        self._pools: dict[str, Pools] = {}
        self._bases: dict[str, str] = {}
        self._lock = threading.Lock()
        self._probing: dict[str, threading.Lock] = {}
        self._making = threading.Lock()
        self._authorities = ""
        if options.certificates or options.client_certificates:
            # So that a file that somebody named and that is broken is an error at once.
            self.settle()

    def settle(self) -> None:
        """Get ready for every host: from here on no file is read and no module imported. Raises UsageError
        for a bundle that is broken."""
        import encodings.idna  # noqa: F401 (by which names are looked up)

        if not (self._options.certificates or self._options.client_certificates):
            # A context takes long to make, and most builds need none any more.
            self._authorities = base_authorities(self._environment)
            self._made(_PLAIN)
            return
        for name in (_DEFAULT, _PLAIN, *self._hosts_of_their_own()):
            self._made(name)

    def base(self, registry: str) -> str:
        """``scheme://host[:port]`` of a registry as named in a reference. Raises RegistryUnreachable."""
        with self._lock:
            known = self._bases.get(registry)
            probing = self._probing.setdefault(registry, threading.Lock())
        if known:
            return known
        with probing:
            base = self._bases.get(registry) or self._find_base(registry)
            self._bases[registry] = base
            return base

    def plain_allowed(self, host: str) -> bool:
        """Whether secrets may travel to ``host`` over plain HTTP."""
        return is_loopback(host) or listed(host, self._options.insecure)

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: object = None,
        registry: str = "",
    ) -> Answer:
        """One request and its answer, unread; redirects are answers. ``registry`` is whom a URL on another
        host belongs to (its token server), whose TLS options count there too. Raises RegistryUnreachable."""
        timeouts = _PUT_TIMEOUTS if method == "PUT" else TIMEOUTS
        return self._send(method, url, headers, body, registry, timeouts)

    def close(self) -> None:
        """Close every connection."""
        for pools in self._pools.values():
            pools.close()

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: object,
        registry: str,
        timeouts: tuple[float, float],
    ) -> Answer:
        host = urlsplit(url).netloc
        proxy = proxy_for(url, self._environment)
        pools = self._pools_for(host, registry, plain=url.startswith("http:") and not proxy)
        sent = {"User-Agent": "ci_builder", "Accept-Encoding": "identity", **headers}
        try:
            return pools.request(method, url, sent, body, timeouts, proxy)
        except connection_errors() as error:
            raise unreachable(host, method, url, error) from error

    def _pools_for(self, host: str, registry: str, *, plain: bool) -> Pools:
        own = self._hosts_of_their_own()
        names = (name for name in (host, host.removesuffix(":443"), registry) if name in own)
        return self._made(next(names, _PLAIN if plain else _DEFAULT))

    def _made(self, name: str) -> Pools:
        with self._making:
            if name not in self._pools:
                # Here, because a build that asks no registry needs it not, and it takes long.
                from ci_builder.registry.pools import Pools

                context = None if name == _PLAIN else self._context(name)
                self._pools[name] = Pools(context)
            return self._pools[name]

    def _context(self, host: str) -> ssl.SSLContext:
        return tls_context(host, self._options, self._environment, self._authorities)

    def _hosts_of_their_own(self) -> set[str]:
        options = self._options
        named = {*options.skip_tls_verify, *(host for host, _ in options.certificates)}
        return (named | {host for host, _, _ in options.client_certificates}) - {"*"}

    def _find_base(self, registry: str) -> str:
        address = _HUB_ADDRESS if registry == DOCKER_HUB else registry
        secure, plain = f"https://{address}", f"http://{address}"
        if not self.plain_allowed(registry):
            return secure
        if is_loopback(registry) and registry not in self._hosts_of_their_own():
            return secure if self._demands_tls(plain) else plain
        # Plain HTTP is allowed, not wanted: whoever speaks TLS is spoken to in TLS.
        try:
            discard(self._send("GET", f"{secure}/v2/", {}, None, "", _PROBE_TIMEOUTS))
        except RegistryUnreachable as failure:
            # A name that a proxy alone can resolve is one nevertheless.
            known = failure.code != "DNS" or bool(proxy_for(plain, self._environment))
            if known and self._speaks_plain(plain):
                return plain
            raise
        return secure

    def _speaks_plain(self, plain: str) -> bool:
        try:
            return not self._demands_tls(plain)
        except RegistryUnreachable:
            return False

    def _demands_tls(self, plain: str) -> bool:
        """Whether a server on loopback turns plain HTTP away. Raises RegistryUnreachable."""
        try:
            response = self._send("GET", f"{plain}/v2/", {}, None, "", _PROBE_TIMEOUTS)
        except RegistryUnreachable as failure:
            if failure.code in ("REFUSED", "TIMEOUT"):
                raise
            return True
        if response.status_code != 400:
            discard(response)
            return False
        with response:
            said = response.raw.read(4096)
        return any(text in said for text in _WANTS_TLS)
