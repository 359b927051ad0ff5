"""Docker's rules for finding credentials; the helpers are real programs."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ci_builder.errors import CredentialError
from ci_builder.registry.credentials import GIVEN, Credentials, Provider, load
from ci_builder.request import Login
from tests.unit.registry.helpers import install_helper


def _auth(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class Home:
    """A home folder with config files, and the environment that points at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": str(folder / "bin")}

    def write(self, path: str, value: Any) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value))
        return file

    def auths(self, path: str, **users: str) -> Path:
        entries = {host.replace("_", "."): {"auth": _auth(user, "p")} for host, user in users.items()}
        return self.write(path, {"auths": entries})

    def load(self, *logins: Login, **environment: str) -> Credentials:
        return load({**self.environment, **environment}, logins)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def _user(credentials: Credentials, registry: str, repository: str = "") -> str:
    login = credentials.lookup(registry, repository)
    return login.username if login else ""


def test_nothing(home: Home) -> None:
    assert home.load().lookup("example.com") is None
    assert load({}).lookup("docker.io", "library/debian") is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": _auth("ci", "pass:with:colons")}, Login("r.io", "ci", "pass:with:colons")),
        ({"auth": _auth("ci", "nul\0\0")}, Login("r.io", "ci", "nul")),
        ({"auth": _auth("ci", "p").rstrip("=")}, Login("r.io", "ci", "p")),
        ({"username": "ci", "password": "p"}, Login("r.io", "ci", "p")),
        ({"auth": _auth("a", "b"), "username": "x", "password": "y"}, Login("r.io", "a", "b")),
        ({"identitytoken": "t"}, Login("r.io", identity_token="t")),
        ({"auth": _auth("u", ""), "identitytoken": "t"}, Login("r.io", "u", "", "t")),
        ({"registrytoken": "t"}, Login("r.io", registry_token="t")),
        ({"auth": _auth("ü", "é"), "email": "dead@example.com"}, Login("r.io", "ü", "é")),
        ({}, None),
        ({"email": "x"}, None),
    ],
)
def test_entries(home: Home, entry: Any, expected: Login | None) -> None:
    home.write(".docker/config.json", {"auths": {"r.io": entry}})
    assert home.load().lookup("r.io", "some/thing") == expected


@pytest.mark.parametrize(
    "key",
    [
        "https://index.docker.io/v1/",
        "index.docker.io",
        "docker.io",
        "registry-1.docker.io",
        "https://docker.io",
        "https://index.docker.io/v2/",
    ],
)
def test_docker_hub(home: Home, key: str) -> None:
    home.write(".docker/config.json", {"auths": {key: {"auth": _auth("hub", "p")}}})
    for name in ("docker.io", "index.docker.io", "registry-1.docker.io"):
        assert _user(home.load(), name, "library/debian") == "hub"


def test_the_most_specific_path(home: Home) -> None:
    keys = {"r.io": "host", "r.io/group": "group", "r.io/group/project": "project", "r.io/other": "other"}
    home.write(
        ".docker/config.json", {"auths": {key: {"auth": _auth(user, "p")} for key, user in keys.items()}}
    )
    credentials = home.load()
    assert _user(credentials, "r.io", "group/project/image") == "project"
    assert _user(credentials, "r.io", "group/project") == "project"
    assert _user(credentials, "r.io", "group/projects") == "group"
    assert _user(credentials, "r.io", "elsewhere") == "host"
    assert _user(credentials, "r.io") == "host"
    assert _user(credentials, "r.io:443", "group/project") == ""


def test_an_exact_host_before_a_url(home: Home) -> None:
    auths = {"https://r.io/v1/": {"auth": _auth("url", "p")}, "r.io": {"auth": _auth("host", "p")}}
    home.write(".docker/config.json", {"auths": auths})
    assert _user(home.load(), "r.io") == "host"


def test_the_order_of_sources(home: Home) -> None:
    docker_auth = json.dumps({"auths": {"b.io": {"auth": _auth("variable", "p")}}})
    home.auths("docker/config.json", a_io="docker", b_io="docker", c_io="docker")
    home.auths(".docker/config.json", a_io="ignored", g_io="ignored")
    home.auths("auth-file.json", c_io="file", d_io="file")
    home.auths("run/containers/auth.json", d_io="run", e_io="run")
    home.auths("config/containers/auth.json", e_io="xdg", f_io="xdg")
    credentials = home.load(
        Login("a.io", "given", "p"),
        Login("https://b.io", "given", "p"),
        DOCKER_AUTH_CONFIG=docker_auth,
        DOCKER_CONFIG=str(home.folder / "docker"),
        REGISTRY_AUTH_FILE=str(home.folder / "auth-file.json"),
        XDG_RUNTIME_DIR=str(home.folder / "run"),
        XDG_CONFIG_HOME=str(home.folder / "config"),
    )
    users = {name: _user(credentials, f"{name}.io") for name in "abcdefg"}
    assert users == {
        "a": "given",
        "b": "given",
        "c": "docker",
        "d": "file",
        "e": "run",
        "f": "xdg",
        "g": "",
    }
    assert credentials.source("a.io") == GIVEN
    assert credentials.source("c.io") == str(home.folder / "docker/config.json")
    without = home.load(DOCKER_AUTH_CONFIG=docker_auth, DOCKER_CONFIG=str(home.folder / "docker"))
    assert _user(without, "b.io") == "variable"
    assert without.source("b.io") == "DOCKER_AUTH_CONFIG"


def test_home_config_of_containers_tools(home: Home) -> None:
    home.auths(".config/containers/auth.json", a_io="home")
    assert _user(home.load(), "a.io") == "home"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"auths": {"r.io": {"auth": "c2VjcmV0LXRleHQ="', "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"auths": []}', ""),
        ('{"auths": ["c2VjcmV0LXRleHQ="]}', "auths is not a JSON object"),
        ('{"auths": {"r.io": "c2VjcmV0LXRleHQ="}}', "entry for r.io"),
        ('{"auths": {"r.io": {"auth": "c2VjcmV0LXRleHQ="}}}', "not base64 of USER:PASSWORD"),
        ('{"auths": {"r.io": {"auth": "c2VjcmV0LXRleHQ!"}}}', "not base64 of USER:PASSWORD"),
        ('{"auths": {"r.io": {"auth": 7}}}', "auth of r.io is not text"),
        ('{"credHelpers": {"r.io": 1}}', "names of programs"),
        ('{"credsStore": {}, "auths": {}}', ""),
        ('{"credsStore": ["x"]}', "names of programs"),
    ],
)
@pytest.mark.parametrize("place", ["file", "variable"])
def test_bad_json_names_its_place_and_no_secret(home: Home, text: str, message: str, place: str) -> None:
    if place == "file":
        name = str(home.write(".docker/config.json", text))
        environment = {}
    else:
        name = "DOCKER_AUTH_CONFIG"
        environment = {name: text}
    if not message:
        assert home.load(**environment).lookup("r.io") is None
        return
    with pytest.raises(CredentialError, match=message) as caught:
        home.load(**environment)
    told = str(caught.value)
    assert name in told
    assert "secret-text" not in told
    assert "c2VjcmV0" not in told + repr(caught.value.__cause__)


def test_empty_file(home: Home) -> None:
    home.write(".docker/config.json", "\n")
    assert home.load().lookup("r.io") is None


def test_unreadable_file(home: Home) -> None:
    (home.folder / ".docker/config.json").mkdir(parents=True)
    with pytest.raises(CredentialError, match="cannot be read"):
        home.load()


def test_helpers(home: Home) -> None:
    kept = {"r.io": ["ci", "from-helper"], "https://index.docker.io/v1/": ["<token>", "refresh"]}
    install_helper(home.folder / "bin", "test", kept)
    home.write(
        ".docker/config.json",
        {"credHelpers": {"r.io": "test", "docker.io": "test"}, "auths": {"s.io": {"auth": _auth("s", "p")}}},
    )
    credentials = home.load()
    assert credentials.lookup("r.io", "a/b") == Login("r.io", "ci", "from-helper")
    assert credentials.lookup("docker.io", "library/x") == Login("docker.io", identity_token="refresh")
    assert _user(credentials, "s.io") == "s"


def test_store_and_its_exceptions(home: Home) -> None:
    install_helper(home.folder / "bin", "store", {"r.io": ["store", "p"], "t.io": ["store", "p"]})
    auths = {name: {"auth": _auth("file", "p")} for name in ("r.io", "s.io", "t.io")}
    home.write(
        ".docker/config.json",
        {"credsStore": "store", "credHelpers": {"t.io": ""}, "auths": {**auths, "u.io": {}}},
    )
    credentials = home.load()
    assert _user(credentials, "r.io") == "store", "the store goes before the file"
    assert _user(credentials, "s.io") == "file", "what the store does not know may be in the file"
    assert _user(credentials, "t.io") == "file", "an empty helper means the file"
    assert credentials.lookup("u.io") is None


def test_a_store_that_is_not_installed_does_not_stop_anonymous_pulls(home: Home) -> None:
    home.write(".docker/config.json", {"credsStore": "desktop"})
    assert home.load().lookup("docker.io") is None


def test_a_helper_that_is_not_installed_is_an_error(home: Home) -> None:
    home.write(".docker/config.json", {"credHelpers": {"r.io": "missing"}})
    with pytest.raises(CredentialError, match="docker-credential-missing is not installed"):
        home.load().lookup("r.io")
    assert home.load().lookup("other.io") is None


@pytest.mark.parametrize("behaviour", ["fail", "garbage", "secret-garbage"])
def test_a_helper_that_fails_tells_no_secret(home: Home, behaviour: str) -> None:
    install_helper(home.folder / "bin", "bad", {"r.io": ["ci", "hidden"]}, behaviour)
    home.write(".docker/config.json", {"credHelpers": {"r.io": "bad"}})
    with pytest.raises(CredentialError, match="docker-credential-bad") as caught:
        home.load().lookup("r.io")
    assert "hidden" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_helper_name_is_no_path(home: Home) -> None:
    home.write(".docker/config.json", {"credsStore": "../../bin/sh"})
    with pytest.raises(CredentialError, match="no possible name"):
        home.load().lookup("r.io")


def test_a_helper_gets_the_environment_it_is_given(home: Home) -> None:
    install_helper(home.folder / "bin", "env", {}, "environment")
    home.write(".docker/config.json", {"credsStore": "env"})
    login = home.load(MARK="seen").lookup("r.io")
    assert login == Login("r.io", "seen", "x")


def test_providers(home: Home) -> None:
    home.write(
        ".docker/config.json",
        {
            "auths": {"r.io/team": {"auth": _auth("ci", "hidden")}, "t.io": {"identitytoken": "hidden"}},
            "credHelpers": {"gcr.io": "gcloud"},
            "credsStore": "pass",
        },
    )
    credentials = home.load(Login("docker.io", "me", "hidden"))
    file = str(home.folder / ".docker/config.json")
    assert credentials.providers() == (
        Provider(GIVEN, "docker.io", "password for me", "me"),
        Provider(file, "gcr.io", "docker-credential-gcloud"),
        Provider(file, "r.io/team", "password for ci", "ci"),
        Provider(file, "t.io", "identity token"),
        Provider(file, "*", "docker-credential-pass"),
    )
    assert "hidden" not in repr(credentials) + repr(credentials.files) + repr(credentials.providers())
