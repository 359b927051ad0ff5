"""Which secret goes to which host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_builder.build.git_secrets import with_secrets
from ci_builder.context.git import Remote
from ci_builder.errors import ContextError
from ci_builder.request import SecretSpec

_SECRETS = (
    SecretSpec("GIT_AUTH_TOKEN.one.example", value="t-one\n"),
    SecretSpec("GIT_AUTH_TOKEN.two.example:8443", value="t-two"),
    SecretSpec("GIT_AUTH_HEADER.three.example", value="Basic three"),
)
_ANY = (*_SECRETS, SecretSpec("GIT_AUTH_TOKEN", value="t-any"))


@pytest.mark.parametrize(
    ("url", "secrets", "expected"),
    [
        ("https://one.example/x.git", _SECRETS, ("x-access-token", "t-one", "")),
        ("https://one.example:444/x.git", _SECRETS, ("x-access-token", "t-one", "")),
        ("https://two.example:8443/x.git", _SECRETS, ("x-access-token", "t-two", "")),
        ("https://two.example/x.git", _SECRETS, ("", "", "")),
        ("https://three.example/x.git", _ANY, ("", "", "Basic three")),
        ("https://four.example/x.git", _SECRETS, ("", "", "")),
        ("https://four.example/x.git", _ANY, ("x-access-token", "t-any", "")),
        ("git://one.example/x.git", _ANY, ("", "", "")),
        ("git@one.example:x.git", _ANY, ("", "", "")),
    ],
)
def test_hosts(url: str, secrets: tuple[SecretSpec, ...], expected: tuple[str, str, str]) -> None:
    found = with_secrets(Remote(url, "", ""), secrets)
    assert (found.username, found.password, found.authorization) == expected
    assert not any(part and part in repr(found) for part in expected[1:])


def test_the_login_of_the_url_wins() -> None:
    remote = Remote("https://one.example/x.git", "", "", "bob", "s3cret")
    assert with_secrets(remote, _ANY) == remote


def test_a_file(tmp_path: Path) -> None:
    remote = Remote("https://one.example/x.git", "", "")
    secret = SecretSpec("GIT_AUTH_TOKEN", source=tmp_path / "token")
    with pytest.raises(ContextError, match="GIT_AUTH_TOKEN cannot be read"):
        with_secrets(remote, (secret,))
    (tmp_path / "token").write_text("t0ken\n")
    assert with_secrets(remote, (secret,)).password == "t0ken"
