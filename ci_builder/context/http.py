"""Files from http and https URLs: contexts, Dockerfiles, and what ADD downloads."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

from ci_builder.context.context import Sessions
from ci_builder.errors import ContextError
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

if TYPE_CHECKING:
    import requests
    import urllib3

_OBJECT = pattern(r"^\S*Connection(Pool)?\([^)]*\): ")
_CONNECT_SECONDS = 30
_READ_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is being read: ``stream`` is the body as it was sent, ``headers`` in lower case."""

    stream: BinaryIO
    headers: dict[str, str]


def is_url(text: str) -> bool:
    """Whether ``text`` is an http or https URL."""
    return text.lower().startswith(("http://", "https://"))


@contextmanager
def download(url: str, sessions: Sessions) -> Iterator[Download]:
    """GET ``url``. Raises ContextError: no connection, any status but 200, a body that breaks off."""
    import requests  # here, because most builds fetch no URL

    shown = without_userinfo(url)
    try:
        answer = sessions(url).get(
            url,
            stream=True,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            headers={"Accept-Encoding": "identity", "User-Agent": "ci_builder"},
        )
    except requests.RequestException as error:
        raise ContextError(f"{shown} cannot be reached: {_reason(error)}") from error
    with closing(answer):
        if answer.status_code != requests.codes.ok:
            raise ContextError(f"{shown} answers {answer.status_code} {answer.reason}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        yield Download(cast(BinaryIO, _Body(answer.raw, shown)), headers)


def last_modified(headers: Mapping[str, str]) -> int | None:
    """What the header of that name says, in seconds since 1970; None without, or for what is no date."""
    from email.utils import parsedate_to_datetime  # here: few builds fetch a URL

    try:
        return int(parsedate_to_datetime(headers.get("last-modified", "")).timestamp())
    except (ValueError, TypeError):
        return None


def without_userinfo(url: str) -> str:
    """``url`` as it may be shown: no user, no password, no query (which may be a signature)."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _Body(io.RawIOBase):
    """The body of an answer; breaking off in the middle is a ContextError, never the end."""

    def __init__(self, raw: urllib3.BaseHTTPResponse, shown: str) -> None:
        super().__init__()
        self._raw = raw
        self._shown = shown

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        import urllib3

        try:
            return self._raw.read(None if size < 0 else size, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ContextError(f"{self._shown} broke off: {error}") from error


def _reason(error: requests.RequestException) -> str:
    # The text of requests' errors repeats the URL, with whatever secret is in it.
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    text = str(getattr(reason, "args", [reason])[-1]) if reason is not None else ""
    # urllib3 names the object first that it could not connect with.
    text = _OBJECT.sub("", text)
    return text if "://" not in text and "/?" not in text else type(error).__name__
