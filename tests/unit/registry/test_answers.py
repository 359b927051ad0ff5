from __future__ import annotations

import socket
import ssl

import pytest
import urllib3

from ci_builder.registry.answers import printable, public_url, root_cause, unreachable

SECRET = "https://user:pass@r.io:5000/v2/x?sig=secret#f"


def test_public_url() -> None:
    assert public_url(SECRET) == "https://r.io:5000/v2/x"


def test_printable() -> None:
    assert printable("a\x1b[31m\r\nb\u202ec") == "a [31m b c"
    assert len(printable("x" * 5000)) == 400


@pytest.mark.parametrize(
    ("cause", "message", "code", "temporary"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused", "REFUSED", True),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset", "CONNECTION", True),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "cannot be resolved", "DNS", False),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "cannot be resolved", "DNS", True),
        (TimeoutError("timed out"), "timed out", "TIMEOUT", True),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "TLS failed", "TLS", False),
        (OSError(113, "No route to host"), "No route to host", "REFUSED", True),
        (urllib3.exceptions.IncompleteRead(1, 2), "the connection broke", "CONNECTION", True),
    ],
)
def test_unreachable(cause: Exception, message: str, code: str, temporary: bool) -> None:
    pool = urllib3.HTTPSConnectionPool("r.io")
    wrapped = urllib3.exceptions.MaxRetryError(pool, SECRET, cause)
    error = unreachable("r.io", "GET", SECRET, wrapped)
    assert message in str(error)
    assert (error.code, error.temporary) == (code, temporary)
    assert "r.io" in str(error)
    assert "secret" not in str(error)
    assert "pass@" not in str(error)


def test_root_cause_of_a_circle() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert root_cause(first) in (first, second)
