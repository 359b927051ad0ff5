"""A real registry (Debian's docker-registry) as a process of its own, for one test or one session.

with start_registry(tmp_path) as registry:                       anonymous
with start_registry(tmp_path, auth="htpasswd") as registry:      Basic; registry.user, registry.password
with start_registry(tmp_path, auth="token") as registry:         Bearer, with registry.tokens
with start_registry(tmp_path, tls=make_certificates(tmp_path)) as registry:
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import bcrypt

from tests.servers.certificates import Certificates
from tests.servers.token_server import ISSUER, SERVICE, TokenServer, serve_tokens

USER = "ci"
PASSWORD = "s3cret:with:colons"
IDENTITY_TOKEN = "refresh-me"
_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


def available() -> bool:
    """Whether Debian's docker-registry is installed."""
    return shutil.which("docker-registry") is not None


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that answers. ``host`` is ``127.0.0.1:PORT`` as in a reference, ``url`` its address."""

    host: str
    url: str
    log: Path
    storage: Path
    user: str = ""
    password: str = field(default="", repr=False)
    tokens: TokenServer | None = None
    tls: Certificates | None = None

    def remove_blob(self, digest: str, repository: str) -> None:
        """As a garbage collection would."""
        algorithm, _, value = digest.partition(":")
        links = self.storage / "docker/registry/v2/repositories" / repository / "_layers" / algorithm
        (links / value / "link").unlink()

    def requests(self) -> list[str]:
        """``METHOD PATH STATUS`` of each request that was answered until now."""
        found = []
        for line in self.log.read_text().splitlines():
            access = re.search(r'"([A-Z]+) (\S+) HTTP/[\d.]+" (\d+)', line)
            if access:
                found.append(" ".join(access.groups()))
        return found


@contextmanager
def start_registry(
    folder: Path,
    auth: Literal["htpasswd", "token"] | None = None,
    tls: Certificates | None = None,
    port: int = 0,
    *,
    client_certificates: bool = False,
    extra: dict[str, Any] | None = None,
) -> Iterator[RunningRegistry]:
    """Start docker-registry with its files in a new folder below ``folder``; stop it at the end.

    ``port`` 0 takes a free one; ``extra`` is merged into the configuration's top level (JSON is YAML).
    """
    home = _new_folder(folder)
    with ExitStack() as stack:
        tokens = (
            stack.enter_context(serve_tokens(USER, PASSWORD, IDENTITY_TOKEN)) if auth == "token" else None
        )
        http: dict[str, Any] = {"addr": f"127.0.0.1:{port}"}
        if tls is not None:
            http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
            if client_certificates:
                http["tls"]["clientcas"] = [str(tls.authority)]
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(home / "data")}, "delete": {"enabled": True}},
            "http": http,
        }
        if auth is not None:
            config["auth"] = _auth(auth, home, tokens)
        config.update(extra or {})
        (home / "config.yml").write_text(json.dumps(config))
        log = home / "log"
        real = stack.enter_context(_process(["docker-registry", "serve", str(home / "config.yml")], log))
        host = f"127.0.0.1:{real}"
        url = f"{'https' if tls else 'http'}://{host}"
        user, password = (USER, PASSWORD) if auth else ("", "")
        yield RunningRegistry(host, url, log, home / "data", user, password, tokens, tls)


def _new_folder(folder: Path) -> Path:
    number = 0
    while True:
        home = folder / f"registry-{number}"
        try:
            home.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return home


def _auth(auth: str, home: Path, tokens: TokenServer | None) -> dict[str, Any]:
    if tokens is None:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (home / auth).write_text(f"{USER}:{hashed}\n")
        return {"htpasswd": {"realm": "test", "path": str(home / auth)}}
    tokens.write_certificate(home / "tokens.pem")
    return {
        "token": {
            "realm": tokens.realm,
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(home / "tokens.pem"),
        }
    }


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield _port(process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = _LISTENING.search(log.read_text())
        if found:
            return int(found.group(1))
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"docker-registry did not start:\n{log.read_text()}")
