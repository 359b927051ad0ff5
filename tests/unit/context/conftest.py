"""A place for contexts: nothing on standard input, no network but loopback."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from ci_builder.context.context import Place


def plain_session(url: str) -> requests.Session:
    """A session without proxies."""
    del url
    session = requests.Session()
    session.trust_env = False
    return session


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Place]:
    """Makes a Place whose working directory is ``tmp_path``."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def make(stdin: bytes = b"", environment: dict[str, str] | None = None) -> Place:
        return Place(tmp_path, temporary, io.BytesIO(stdin), plain_session, environment or {})

    return make
