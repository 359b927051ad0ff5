"""Which proxy a URL goes through, by the conventions of curl and Go (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ci_builder.errors import Unsupported, UsageError

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def is_loopback(host: str) -> bool:
    """Whether ``host`` (with or without a port) is this machine: localhost, 127.0.0.0/8 or ::1."""
    name = host_name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """``host[:port]`` without the port and without the brackets of an IPv6 address, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower() if host.count(":") < 2 else host.lower()


def proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """The proxy's URL for ``url``, or empty; loopback never has one. Raises Unsupported for SOCKS, UsageError
    for what is no URL."""
    parts = urlsplit(url)
    if is_loopback(parts.netloc.rpartition("@")[2]) or _excluded(parts.netloc, environment):
        return ""
    proxy = _variable(environment, f"{parts.scheme}_proxy") or _variable(environment, "all_proxy")
    if not proxy:
        return ""
    complete = proxy if "://" in proxy else f"http://{proxy}"
    try:
        scheme, has_name = urlsplit(complete).scheme, bool(urlsplit(complete).hostname)
        right = has_name and urlsplit(complete).port != 0
    except ValueError:
        right = False
    if not right:
        what = f"the proxy for {parts.netloc.rpartition('@')[2]} is no URL: {without_credentials(proxy)!r}"
        names = f"{parts.scheme.upper()}_PROXY or ALL_PROXY"
        raise UsageError(what, hint=f"{names} has to be like http://proxy.example:3128")
    if scheme not in ("http", "https"):
        raise Unsupported(f"a {scheme} proxy is not supported", hint="use an HTTP proxy, or NO_PROXY")
    return complete


def proxy_variables(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(variable, value) of those that have a say, in the order of ``_VARIABLES``, credentials masked."""
    found = []
    for name in _VARIABLES:
        variable = name if environment.get(name) else name.upper()
        value = environment.get(variable, "")
        if value:
            found.append((variable, value if name == "no_proxy" else without_credentials(value)))
    return tuple(found)


def without_credentials(url: str) -> str:
    """``url`` with ``***`` in the place of user and password, whether it is well-formed or not."""
    before, at, after = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    if not at:
        return url
    return f"{scheme}://***@{after}" if separator else f"***@{after}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _excluded(netloc: str, environment: Mapping[str, str]) -> bool:
    host = netloc.rpartition("@")[2].lower()
    name = host_name(host)
    for entry in _variable(environment, "no_proxy").lower().replace(",", " ").split():
        if entry == "*" or entry in (host, name) or _in_network(name, entry):
            return True
        suffix = entry.removeprefix("*").lstrip(".")
        if suffix and (name.endswith(f".{suffix}") or host.endswith(f".{suffix}") or name == suffix):
            return True
    return False


def _in_network(name: str, entry: str) -> bool:
    try:
        return "/" in entry and ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
