"""HTTP sessions for contexts, Dockerfiles and ADD: the same authorities and proxies as for registries."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_builder.context.context import Sessions
from ci_builder.registry.proxies import proxy_for
from ci_builder.registry.tls import tls_context
from ci_builder.request import RegistryOptions

if TYPE_CHECKING:
    import requests


@contextlib.contextmanager
def http_sessions(options: RegistryOptions, environment: Mapping[str, str]) -> Iterator[Sessions]:
    """Gives out sessions by URL. The first call reads the authorities; a build in place makes it before
    ``/`` is replaced."""
    made: list[requests.Session] = []
    making = threading.Lock()

    def session_for(url: str) -> requests.Session:
        # Here, because most builds fetch no URL: it takes as long as all the rest of the start.
        from ci_builder.registry.sessions import session_with

        with making:
            if not made:
                made.append(session_with(tls_context("", options, environment)))
        session = made[0]
        proxy = proxy_for(url, environment)
        session.proxies = {urlsplit(url).scheme: proxy} if proxy else {}
        return session

    try:
        yield session_for
    finally:
        for session in made:
            session.close()
