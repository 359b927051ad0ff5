"""From an answer, or the lack of one, to an error of the tree (distribution spec, "Error codes").

What a registry says is text of somebody else: it is shortened and freed of control characters. URLs lose
their user and query, which may be a signature or a token.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ci_builder.errors import AuthenticationFailed, RegistryError, RegistryUnreachable
from ci_builder.patterns import pattern
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass

if TYPE_CHECKING:
    import urllib3

_BODY_LIMIT = 1 << 16
_TEXT_LIMIT = 400
# What http.client says of an answer to CONNECT.
_TUNNEL = pattern(r"Tunnel connection failed: ([0-9]{3} .*)")
_PLAIN_PROXY = "a proxy that speaks plain HTTP is written http://HOST:PORT, in HTTPS_PROXY as well"
_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request; whoever has it closes it. The names of ``headers`` are in any case;
    ``raw`` gives the body."""

    status_code: int
    reason: str
    headers: Mapping[str, str]
    url: str
    raw: urllib3.BaseHTTPResponse

    def close(self) -> None:
        """Give the connection back, or drop it when there is more to read."""
        self.raw.close()
        self.raw.release_conn()

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connection_errors() -> tuple[type[Exception], ...]:
    """What urllib3 raises when a connection fails, at any time of a request."""
    import urllib3  # here, as all over registry/: only a build that asks a registry waits for its import

    return (urllib3.exceptions.HTTPError, OSError)


def public_url(url: str) -> str:
    """``url`` without user, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def refusal(what: str, method: str, response: Answer, *, hint: str = "") -> RegistryError:
    """The error for an answer that is no success; reads and closes ``response``. ``what`` begins the
    message, such as ``cannot pull debian``."""
    code, text = _first_error(response)
    status = response.status_code
    kind = AuthenticationFailed if status in (401, 403) else RegistryError
    retry_after = response.headers.get("Retry-After", "")
    said = f": {text}" if text else f": {response.reason}" if response.reason else ""
    error = kind(
        f"{what}{said}",
        method=method,
        url=public_url(response.url),
        status=status,
        code=code,
        temporary=status in _TEMPORARY,
        hint=hint,
    )
    error.retry_after = retry_after
    return error


def unreachable(host: str, method: str, url: str, error: Exception) -> RegistryUnreachable:
    """The error for a connection that failed."""
    import urllib3

    cause = root_cause(error)
    reason, code, temporary, hint = _explain(cause)
    if isinstance(error, urllib3.exceptions.ProxyError):
        reason = f"through the proxy: {reason}"
        # What was to be said of the registry is not true of the proxy.
        hint = _PLAIN_PROXY if code == "TLS" else hint
    return RegistryUnreachable(
        f"cannot reach {host}: {reason}",
        method=method,
        url=public_url(url),
        code=code,
        temporary=temporary,
        hint=hint,
    )


def discard(response: Answer) -> None:
    """Be done with an answer whose body does not matter; a short one is read, which keeps the connection."""
    with contextlib.suppress(*connection_errors()), response:
        response.raw.read(_BODY_LIMIT, decode_content=False)


def root_cause(error: BaseException) -> BaseException:
    """The innermost error: those of urllib3 wrap it, and carry whole URLs in their text."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner: Any = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((item for item in error.args[::-1] if isinstance(item, BaseException)), None)
        inner = inner or error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error


def printable(text: str) -> str:
    """``text`` on one line, shortened, without control characters."""
    clean = "".join(char if char.isprintable() else " " for char in text[: 4 * _TEXT_LIMIT])
    clean = " ".join(clean.split())
    return clean if len(clean) <= _TEXT_LIMIT else clean[: _TEXT_LIMIT - 1] + "…"


def _explain(cause: BaseException) -> tuple[str, str, bool, str]:
    """(reason, code, temporary, hint) of a connection's failure."""
    import ssl

    import urllib3

    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = "give its authority's with --registry-certificate, or use --skip-tls-verify-registry"
        return f"its certificate is not trusted: {printable(cause.verify_message)}", "TLS", False, hint
    if isinstance(cause, ssl.SSLError):
        hint = "a registry that speaks plain HTTP must be named in --insecure-registry"
        closed = isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        return f"TLS failed: {printable(getattr(cause, 'reason', None) or str(cause))}", "TLS", closed, hint
    if isinstance(cause, socket.gaierror):
        again = cause.errno == socket.EAI_AGAIN
        return f"its name cannot be resolved: {cause.strerror}", "DNS", again, ""
    if isinstance(cause, (TimeoutError, urllib3.exceptions.TimeoutError)):
        return "timed out", "TIMEOUT", True, ""
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused", "REFUSED", True, ""
    refused = _TUNNEL.search(str(cause)) if isinstance(cause, OSError) and cause.errno is None else None
    if refused:
        hint = "give its user and password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        told = f"it refuses to connect: {printable(refused[1])}"
        return told, "PROXY", False, hint if refused[1].startswith("407") else ""
    if isinstance(cause, OSError) and cause.errno is not None:
        gone = cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)
        return str(cause.strerror), "REFUSED" if gone else "CONNECTION", True, ""
    return f"the connection broke: {type(cause).__name__}", "CONNECTION", True, ""


def _first_error(response: Answer) -> tuple[str, str]:
    try:
        body = response.raw.read(_BODY_LIMIT, decode_content=True) or b""
    except connection_errors():
        body = b""
    finally:
        response.close()
    try:
        value = from_json(body)
    except ValueError:
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    errors = value.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else value
    code = printable(str(first.get("code") or ""))
    text = printable(str(first.get("message") or first.get("details") or first.get("error") or ""))
    return code, text
