"""HTTP sessions for contexts, Dockerfiles and ADD: the same authorities and proxies as for registries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import requests

from ci_builder.context.context import Sessions
from ci_builder.registry.proxies import proxy_for
from ci_builder.registry.tls import session_with, tls_context
from ci_builder.request import RegistryOptions


@contextlib.contextmanager
def http_sessions(options: RegistryOptions, environment: Mapping[str, str]) -> Iterator[Sessions]:
    """Gives out sessions by URL. The authorities are read at once: in place, ``/`` is replaced later."""
    session = session_with(tls_context("", options, environment))

    def session_for(url: str) -> requests.Session:
        proxy = proxy_for(url, environment)
        session.proxies = {urlsplit(url).scheme: proxy} if proxy else {}
        return session

    try:
        yield session_for
    finally:
        session.close()
