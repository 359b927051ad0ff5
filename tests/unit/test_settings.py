"""ci_builder.toml."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ci_builder.errors import UsageError
from ci_builder.request import RETRIES, TTL, CacheOptions, CachePlace, RegistryOptions, Request
from ci_builder.settings import Settings, parse_settings, read_settings

FULL = """
isolation = "namespace"
platform = "linux/arm64"
[build-args]
VERSION = "1"
SHARED = "settings"
[labels]
"org.example" = "x"
[registry]
insecure = ["a:5000"]
skip-tls-verify = ["b"]
retries = 8
[registry.mirrors]
"docker.io" = ["m1", "m2"]
[registry.certificates]
"c" = "ca.pem"
[cache]
repo = "r.example.com/cache"
from = ["r.example.com/base:cache", "type=local,src=layers"]
to = ["type=inline"]
ttl = "72h"
"""


def read(folder: Path, text: str) -> Settings:
    path = folder / "ci_builder.toml"
    path.write_text(text)
    return read_settings(path)


def test_everything(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.under(Request()) == Request(
        isolation="namespace",
        platform="linux/arm64",
        build_args=(("VERSION", "1"), ("SHARED", "settings")),
        labels=(("org.example", "x"),),
        registry=RegistryOptions(
            insecure=("a:5000",),
            skip_tls_verify=("b",),
            mirrors=(("docker.io", "m1"), ("docker.io", "m2")),
            certificates=(("c", "ca.pem"),),
            retries=8,
        ),
        cache=CacheOptions(
            repository="r.example.com/cache",
            sources=(
                CachePlace("registry", (("ref", "r.example.com/base:cache"),)),
                CachePlace("local", (("src", "layers"),)),
            ),
            targets=(CachePlace("inline"),),
            ttl=72 * 3600,
        ),
    )


def test_the_request_wins(tmp_path: Path) -> None:
    asked = Request(
        isolation="in-place",
        platform="linux/amd64",
        build_args=(("SHARED", "asked"),),
        registry=RegistryOptions(mirrors=(("docker.io", "own"),), retries=2),
        cache=CacheOptions(repository="own", branches=("b",), targets=(CachePlace("gha"),), ttl=5),
    )
    found = read(tmp_path, FULL).under(asked)
    assert (found.isolation, found.platform, found.registry.retries) == ("in-place", "linux/amd64", 2)
    assert dict(found.build_args) == {"VERSION": "1", "SHARED": "asked"}
    assert found.registry.mirrors[0] == ("docker.io", "own")
    assert (found.cache.repository, found.cache.branches, found.cache.ttl) == ("own", ("b",), 5)
    assert found.cache.targets == (CachePlace("gha"),)
    assert len(found.cache.sources) == 2


def test_what_is_asked_for_wins_even_if_it_is_the_default(tmp_path: Path) -> None:
    text = 'isolation = "chroot"\n[registry]\nretries = 0\n[cache]\nttl = "1d"\n'
    asked = Request(isolation="auto", registry=RegistryOptions(retries=RETRIES), cache=CacheOptions(ttl=TTL))
    assert read(tmp_path, text).under(asked) == asked
    found = read(tmp_path, text).under(Request())
    assert (found.isolation, found.registry.retries, found.cache.ttl) == ("chroot", 0, 24 * 3600)


def test_no_cache_is_none_whatever_the_file_says(tmp_path: Path) -> None:
    asked = Request(cache=CacheOptions(off=True))
    assert read(tmp_path, FULL).under(asked).cache == CacheOptions(off=True)


@pytest.mark.parametrize(
    ("text", "about", "error"),
    [
        ("", ("cache-ttl", False), "cache-ttl: there is no cache"),
        ("", ("--cache-branch", True), "--cache-branch: there is no cache in a repository"),
        ('[cache]\nrepo = "r.example.com/c"\n', ("--cache-branch", True), ""),
        ('[cache]\nfrom = ["type=local,src=a"]\n', ("--cache-ttl", False), ""),
        (
            '[cache]\nfrom = ["type=local,src=a"]\n',
            ("--cache-mounts", True),
            "there is no cache in a repository",
        ),
    ],
)
def test_what_says_something_of_a_cache_needs_one(
    tmp_path: Path, text: str, about: tuple[str, bool], error: str
) -> None:
    asked = Request(cache=CacheOptions(about=(about,)))
    with pytest.raises(UsageError, match=error) if error else contextlib.nullcontext():
        read(tmp_path, text).under(asked)


def test_no_file_says_nothing(tmp_path: Path) -> None:
    request = Request(context="x", labels=(("a", "b"),))
    assert read_settings(tmp_path / "missing").under(request) == request


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("isolatoin = 'x'", "unknown key 'isolatoin'"),
        ("[registry]\nmirror = 1", "registry: unknown key 'mirror'"),
        ("isolation = 1", "isolation: expected a text"),
        ("[registry]\ninsecure = 'a'", "registry: insecure: expected a list of texts"),
        ("[registry]\ninsecure = [1]", "registry: insecure: expected a text"),
        ("[registry]\nretries = true", "retries: expected a number"),
        ("[registry]\nretries = -1", "retries: expected a number"),
        ("[registry.mirrors]\n'docker.io' = 'm'", "docker.io: expected a list of texts"),
        ("[build-args]\nA = 1", "build-args: expected a table of texts"),
        ("[cache]\nrepository = 'x'", "cache: unknown key 'repository'"),
        ("[cache]\nrepo = 'r.example.com/x:1'", "cache: repo: r.example.com/x:1 is no repository"),
        ("[cache]\nfrom = 'x'", "cache: from: expected a list of texts"),
        ("[cache]\nto = ['type=local,dest=a,dest=b']", "cache: to: dest is given twice"),
        ("[cache]\nttl = '2 weeks'", "cache: ttl: '2 weeks' is no time"),
        ("labels = []", "labels: expected a table"),
        ("a = = b", "ci_builder.toml: "),
    ],
)
def test_wrong_ones_name_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert said in str(error.value)
    assert "ci_builder.toml" in str(error.value)


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(tmp_path)


def test_an_empty_table_is_nothing() -> None:
    assert parse_settings({}) == Settings()
