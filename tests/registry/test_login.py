"""``login`` and ``logout`` against real registries; docker's and skopeo's reading of what they write."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ci_builder.cli import login, logout
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import Parser
from ci_builder.errors import AuthenticationFailed, CiBuilderError, CredentialError, UsageError
from ci_builder.registry.credentials import load
from ci_builder.request import Login
from tests.servers.registry import start_registry
from tests.unit.registry.helpers import install_helper


class Terminal:
    """Runs a command line in an environment of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.told = ""

    def __call__(self, *words: str, stdin: bytes = b"") -> int:
        parser = Parser(prog="ci-builder")
        commands = parser.add_subparsers()
        login.add_parser(commands)
        logout.add_parser(commands)
        arguments: argparse.Namespace = parser.parse_args(list(words))
        output, errors = io.BytesIO(), io.StringIO()
        invocation = Invocation("ci-builder", self.environment, io.BytesIO(stdin), output, errors)
        try:
            code: int = arguments.run(arguments, invocation)
        finally:
            self.told = output.getvalue().decode() + errors.getvalue()
        return code


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal({"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")})


@pytest.mark.parametrize("auth", ["htpasswd", "token"])
def test_login_and_logout(tmp_path: Path, terminal: Terminal, auth: str) -> None:
    with start_registry(tmp_path, auth) as server:  # type: ignore[arg-type]
        words = ("login", f"http://{server.host}/v2/", "-u", server.user, "--password-stdin")
        assert terminal(*words, stdin=server.password.encode() + b"\n") == 0
        assert "Login Succeeded" in terminal.told
        assert server.password not in terminal.told
        config = tmp_path / ".docker/config.json"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        found = load(terminal.environment).lookup(server.host, "a/b")
        assert found == Login(server.host, server.user, server.password)
        if shutil.which("skopeo"):
            done = subprocess.run(
                ["skopeo", "login", "--get-login", "--authfile", str(config), server.host],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout.strip() == server.user, done.stderr
        assert terminal("logout", server.host) == 0
        assert "Removing" in terminal.told
        assert json.loads(config.read_text()) == {"auths": {}}
        assert terminal("logout", server.host) == 0
        assert "Not logged in" in terminal.told


@pytest.mark.parametrize("auth", ["htpasswd", "token"])
def test_wrong_password_is_not_kept(tmp_path: Path, terminal: Terminal, auth: str) -> None:
    with start_registry(tmp_path, auth) as server:  # type: ignore[arg-type]
        with pytest.raises(AuthenticationFailed) as caught:
            terminal("login", server.host, "-u", server.user, "-p", "wr0ng")
        assert "wr0ng" not in str(caught.value) + caught.value.hint + terminal.told
        assert "warning: a password on the command line" in terminal.told
        assert not (tmp_path / ".docker").exists()


def test_login_with_a_helper(tmp_path: Path, terminal: Terminal) -> None:
    kept = install_helper(tmp_path / "bin", "test", {})
    folder = tmp_path / "docker"
    folder.mkdir()
    terminal.environment["DOCKER_CONFIG"] = str(folder)
    (folder / "config.json").write_text('{"credsStore": "test"}')
    with start_registry(tmp_path, "htpasswd") as server:
        assert terminal("login", server.host, "-u", server.user, "-p", server.password) == 0
        assert json.loads(kept.read_text()) == {server.host: [server.user, server.password]}
        assert server.password not in (folder / "config.json").read_text()
        assert terminal("logout", server.host) == 0
        assert json.loads(kept.read_text()) == {}


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("login", "r.io"), UsageError, "--username"),
        (("login", "r.io", "-u", "x"), UsageError, "password"),
        (("login", "r.io", "-u", "x", "-p", "y", "--password-stdin"), UsageError, "exclude"),
        (("login", "r.io", "-u", "x", "--password-stdin"), UsageError, "empty"),
    ],
)
def test_usage(terminal: Terminal, words: tuple[str, ...], error: type[CiBuilderError], message: str) -> None:
    with pytest.raises(error, match=message):
        terminal(*words)


def test_no_home() -> None:
    with pytest.raises(CredentialError, match="no place"):
        Terminal({})("login", "r.io", "-u", "x", "-p", "y")
    assert Terminal({})("logout", "r.io") == 0
