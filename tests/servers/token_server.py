"""A Bearer token server for docker-registry's ``auth: token`` (distribution spec, token authentication).

It signs ES256 tokens with a certificate in ``x5c``; one user may pull and push, nobody may pull only.
"""

from __future__ import annotations

import base64
import datetime
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

ISSUER = "test-issuer"
SERVICE = "test-registry"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer(ThreadingHTTPServer):
    """The server. ``requests`` records (method, query or form, user) of each request; ``lifetime`` is what
    the tokens last, in seconds."""

    daemon_threads = True

    def __init__(self, user: str, password: str, identity_token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.user, self.password, self.identity_token = user, password, identity_token
        self.requests: list[tuple[str, dict[str, list[str]], str]] = []
        self.lifetime = 60
        self.failures: list[int] = []
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "token server")])
        now = datetime.datetime.now(datetime.timezone.utc)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def realm(self) -> str:
        """The address that the challenge names."""
        return f"http://127.0.0.1:{self.server_address[1]}/token"

    def write_certificate(self, path: Path) -> None:
        """The PEM bundle that the registry verifies tokens with."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def token(self, access: list[dict[str, Any]], subject: str) -> str:
        """A signed token that grants ``access``."""
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": now + self.lifetime,
            "nbf": now - 10,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        text = _base64url(json.dumps(header).encode()) + "." + _base64url(json.dumps(claims).encode())
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        authorization = self.headers.get("Authorization", "")
        given = base64.b64decode(authorization[6:]).decode() if authorization.startswith("Basic ") else ""
        user = given.partition(":")[0]
        self.server.requests.append(("GET", query, user))
        right = given == f"{self.server.user}:{self.server.password}"
        self._answer(query.get("scope", []), user, refused=bool(given) and not right)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        form = urllib.parse.parse_qs(body)
        self.server.requests.append(("POST", form, ""))
        refresh = form.get("refresh_token", [""])[0] == self.server.identity_token
        right = refresh and form.get("grant_type") == ["refresh_token"]
        self._answer(form.get("scope", []), self.server.user, refused=not right)

    def _answer(self, scopes: list[str], user: str, *, refused: bool) -> None:
        if self.server.failures:
            self._send(self.server.failures.pop(0), {"errors": [{"code": "TOOMANYREQUESTS"}]})
            return
        if refused:
            self._send(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]})
            return
        access = []
        for scope in " ".join(scopes).split():
            resource, _, wanted = scope.rpartition(":")
            kind, _, name = resource.partition(":")
            granted = [action for action in wanted.split(",") if user or action == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        token = self.server.token(access, user)
        self._send(200, {"token": token, "access_token": token, "expires_in": self.server.lifetime})

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve_tokens(user: str, password: str, identity_token: str) -> Iterator[TokenServer]:
    """Run a token server in a thread of its own."""
    with TokenServer(user, password, identity_token) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
