"""The keys of docker's config.json: which of them speak about which registry.

docker/cli ``registry.ConvertToHostname`` and ``ResolveAuthConfig``; path-scoped keys as in
containers-auth.json(5). Docker Hub is written ``https://index.docker.io/v1/`` for historical reasons.
"""

from __future__ import annotations

from ci_builder.oci.reference import DOCKER_HUB

HUB_KEY = "https://index.docker.io/v1/"
_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_API_PATHS = ("", "v1", "v2")


def normal_key(key: str) -> str:
    """``host`` or ``host/path`` for any way to write a key: the scheme and the API's path are dropped."""
    scheme, separator, rest = key.strip().partition("://")
    text = rest if separator and scheme.lower() in ("http", "https") else key.strip()
    host, _, path = text.partition("/")
    host = host.lower()
    path = path.strip("/")
    if host in _HUB_HOSTS:
        host = DOCKER_HUB
    if path in _API_PATHS or separator:
        # With a scheme it is a URL of the registry, whatever follows: docker looks at the host alone.
        return host
    return f"{host}/{path}"


def written_key(registry: str) -> str:
    """The key to write for a registry (``host`` or ``host/path``), as ``docker login`` does."""
    normal = normal_key(registry)
    return HUB_KEY if normal == DOCKER_HUB else normal


def wanted_keys(registry: str, repository: str) -> tuple[str, ...]:
    """The normal keys that answer for a repository, the most specific first, the host last."""
    host = normal_key(registry)
    parts = [part for part in repository.split("/") if part]
    return tuple("/".join((host, *parts[:length])) for length in range(len(parts), -1, -1))
