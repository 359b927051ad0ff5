from __future__ import annotations

import pytest

from ci_builder.errors import Unsupported, UsageError
from ci_builder.registry.proxies import (
    host_name,
    is_loopback,
    proxy_for,
    proxy_variables,
    without_credentials,
)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1:5000", True),
        ("127.3.2.1", True),
        ("localhost", True),
        ("LocalHost:80", True),
        ("registry.localhost:80", True),
        ("[::1]:5000", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("registry", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_host_name() -> None:
    assert host_name("A.example:5000") == "a.example"
    assert host_name("[FE80::1]:5000") == "fe80::1"


PROXIES = {"HTTP_PROXY": "http://plain:1", "https_proxy": "secure:2"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://r.io/v2/", {}, ""),
        ("https://r.io/v2/", PROXIES, "http://secure:2"),
        ("http://r.io/v2/", PROXIES, "http://plain:1"),
        ("http://127.0.0.1:5000/v2/", PROXIES, ""),
        ("https://localhost/v2/", PROXIES, ""),
        ("http://[::1]:5000/v2/", PROXIES, ""),
        ("https://r.io/", {"ALL_PROXY": "http://all:3"}, "http://all:3"),
        ("https://r.io/", {"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "http://low:1"),
        ("https://r.io/", {"HTTPS_PROXY": ""}, ""),
    ],
)
def test_choice(url: str, environment: dict[str, str], proxy: str) -> None:
    assert proxy_for(url, environment) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("r.io", "https://r.io/", True),
        ("r.io", "https://r.io:5000/", True),
        ("r.io:5000", "https://r.io:5000/", True),
        ("r.io:5000", "https://r.io/", False),
        ("r.io", "https://sub.r.io/", True),
        (".r.io", "https://sub.r.io/", True),
        (".r.io", "https://r.io/", True),
        ("*.r.io", "https://sub.r.io/", True),
        ("r.io", "https://other-r.io/", False),
        ("*", "https://r.io/", True),
        ("10.0.0.0/8", "https://10.2.3.4:5000/", True),
        ("10.0.0.0/8", "https://11.2.3.4/", False),
        ("10.0.0.0/8", "https://r.io/", False),
        ("fd00::/8", "https://[fd12::1]/", True),
        ("a.io, R.IO", "https://r.io/", True),
        ("nonsense/99,r.io", "https://r.io/", True),
        (",", "https://r.io/", False),
    ],
)
def test_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (proxy_for(url, {"HTTPS_PROXY": "http://p:1", name: no_proxy}) == "") is direct


@pytest.mark.parametrize(
    "proxy",
    ["http://", "http://host:abc", "http://[::1", "http://user:secret@host:99999", "http://h:0", ":80"],
)
def test_what_is_no_url_is_told_without_its_credentials(proxy: str) -> None:
    with pytest.raises(UsageError, match=r"the proxy for r\.io is no URL: ") as caught:
        proxy_for("https://r.io/", {"https_proxy": proxy})
    assert "secret" not in str(caught.value)
    assert "HTTPS_PROXY or ALL_PROXY" in caught.value.hint


def test_socks_is_refused() -> None:
    with pytest.raises(Unsupported, match="socks5h"):
        proxy_for("https://r.io/", {"ALL_PROXY": "socks5h://user:secret@p:1"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:pass@proxy:3128/", "http://***@proxy:3128/"),
        ("http://me:p@ss/w@proxy", "http://***@proxy"),
        ("me:pass@proxy:3128", "***@proxy:3128"),
        ("http://token@proxy", "http://***@proxy"),
        ("", ""),
    ],
)
def test_credentials_are_masked(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_the_variables_that_have_a_say() -> None:
    environment = {
        "HTTPS_PROXY": "http://a:b@p",
        "http_proxy": "http://q",
        "HTTP_PROXY": "x",
        "NO_PROXY": "a@b",
    }
    assert proxy_variables(environment) == (
        ("http_proxy", "http://q"),
        ("HTTPS_PROXY", "http://***@p"),
        ("NO_PROXY", "a@b"),
    )
