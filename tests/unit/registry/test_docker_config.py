from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci_builder.errors import CredentialError
from ci_builder.registry.credentials import load
from ci_builder.registry.docker_config import write_config
from ci_builder.registry.kept_logins import forget_login, keep_login
from ci_builder.request import Login
from tests.unit.registry.helpers import install_helper

LOGIN = Login("registry.example.com", "ci", "s3cret:x")
EXISTING = {
    "auths": {
        "other.example.com": {"auth": "eDp5"},
        "https://registry.example.com/v2/": {"auth": "b2xkOm9sZA=="},
        "https://index.docker.io/v1/": {},
    },
    "HttpHeaders": {"X-Meta": "é"},
    "proxies": {"default": {"httpProxy": "http://proxy:3128"}},
    "futureKey": [1, {"a": None}],
    "psFormat": "table {{.ID}}",
}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _read(folder: Path) -> dict[str, object]:
    value = json.loads((folder / "config.json").read_bytes())
    assert isinstance(value, dict)
    return value


def written(logins: Sequence[Login], existing: Path | None, parent: Path) -> Path:
    folder = parent / "docker-of-the-build"
    write_config(logins, existing, folder)
    return folder


def test_new(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = written([LOGIN, Login("docker.io", "me", "p")], None, tmp_path)
    finally:
        os.umask(old)
    assert _mode(folder) == 0o700
    assert _mode(folder / "config.json") == 0o600
    assert os.listdir(folder) == ["config.json"]
    assert _read(folder) == {
        "auths": {
            "registry.example.com": {"auth": base64.b64encode(b"ci:s3cret:x").decode()},
            "https://index.docker.io/v1/": {"auth": base64.b64encode(b"me:p").decode()},
        }
    }
    assert load({"DOCKER_CONFIG": str(folder)}).lookup("registry.example.com") == LOGIN


def test_merged(tmp_path: Path) -> None:
    existing = tmp_path / "config.json"
    existing.write_text(json.dumps(EXISTING))
    before = existing.read_bytes()
    folder = written([LOGIN], existing, tmp_path)
    value = _read(folder)
    auths = value.pop("auths")
    assert auths == {
        "other.example.com": {"auth": "eDp5"},
        "https://index.docker.io/v1/": {},
        "registry.example.com": {"auth": base64.b64encode(b"ci:s3cret:x").decode()},
    }
    assert value == {key: item for key, item in EXISTING.items() if key != "auths"}
    assert existing.read_bytes() == before


def test_the_first_login_wins(tmp_path: Path) -> None:
    logins = [LOGIN, Login("https://registry.example.com", "second", "p")]
    folder = written(logins, None, tmp_path)
    assert load({"DOCKER_CONFIG": str(folder)}).lookup("registry.example.com") == LOGIN


def test_a_store_does_not_hide_the_logins(tmp_path: Path) -> None:
    existing = tmp_path / "config.json"
    existing.write_text(
        json.dumps({"credsStore": "absent", "credHelpers": {"registry.example.com": "absent"}})
    )
    folder = written([LOGIN], existing, tmp_path)
    assert _read(folder)["credHelpers"] == {"registry.example.com": ""}
    assert _read(folder)["credsStore"] == "absent"
    assert load({"DOCKER_CONFIG": str(folder)}).lookup("registry.example.com") == LOGIN


def test_tokens(tmp_path: Path) -> None:
    logins = [
        Login("a.io", identity_token="i"),
        Login("b.io", registry_token="r"),
        Login("c.io/team", "u", "p"),
    ]
    folder = written(logins, None, tmp_path)
    credentials = load({"DOCKER_CONFIG": str(folder)})
    assert [credentials.lookup(name) for name in ("a.io", "b.io")] == logins[:2]
    assert credentials.lookup("c.io", "team/x") == logins[2]


def test_missing_and_bad_existing(tmp_path: Path) -> None:
    assert _read(written([], tmp_path / "none" / "config.json", tmp_path)) == {}
    bad = tmp_path / "bad.json"
    bad.write_text('{"auths": {"x": {"auth": "c2VjcmV0')
    with pytest.raises(CredentialError, match=r"bad\.json is not JSON"):
        write_config([LOGIN], bad, tmp_path / "docker2")
    bad.write_text('{"auths": 3}')
    with pytest.raises(CredentialError, match="auths"):
        write_config([LOGIN], bad, tmp_path / "docker2")
    with pytest.raises(CredentialError, match="no folder"):
        write_config([LOGIN], None, tmp_path / "missing/docker")


def test_keep_and_forget(tmp_path: Path) -> None:
    folder = tmp_path / "docker"
    assert not forget_login("registry.example.com", folder, {})
    assert keep_login(LOGIN, folder, {}) == str(folder / "config.json")
    assert _mode(folder) == 0o700
    assert _mode(folder / "config.json") == 0o600
    keep_login(Login("docker.io", "me", "p"), folder, {})
    assert set(_read(folder)["auths"]) == {"registry.example.com", "https://index.docker.io/v1/"}  # type: ignore[call-overload]
    assert forget_login("index.docker.io", folder, {})
    assert not forget_login("docker.io", folder, {})
    assert load({"DOCKER_CONFIG": str(folder)}).lookup("registry.example.com") == LOGIN


def test_keep_and_forget_with_a_helper(tmp_path: Path) -> None:
    kept = install_helper(tmp_path / "bin", "test", {})
    environment = {"PATH": str(tmp_path / "bin"), "DOCKER_CONFIG": str(tmp_path)}
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "test", "other": 1}))
    assert keep_login(LOGIN, tmp_path, environment) == "docker-credential-test"
    assert json.loads(kept.read_text()) == {"registry.example.com": ["ci", "s3cret:x"]}
    assert "s3cret" not in (tmp_path / "config.json").read_text()
    assert _read(tmp_path) == {"credsStore": "test", "other": 1, "auths": {"registry.example.com": {}}}
    assert load(environment).lookup("registry.example.com") == LOGIN
    assert forget_login("registry.example.com", tmp_path, environment)
    assert json.loads(kept.read_text()) == {}
    assert not forget_login("registry.example.com", tmp_path, environment)


def test_a_linked_config_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("{}")
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").symlink_to(real)
    keep_login(LOGIN, folder, {})
    assert (folder / "config.json").is_symlink()
    assert "registry.example.com" in real.read_text()
