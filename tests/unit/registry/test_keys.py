from __future__ import annotations

import pytest

from ci_builder.registry.keys import HUB_KEY, normal_key, wanted_keys, written_key


@pytest.mark.parametrize(
    ("key", "normal"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("https://index.docker.io/v2/", "docker.io"),
        ("docker.io/team", "docker.io/team"),
        ("registry.example.com", "registry.example.com"),
        ("Registry.Example.com:5000", "registry.example.com:5000"),
        ("https://registry.example.com", "registry.example.com"),
        ("http://registry.example.com:5000/v2/", "registry.example.com:5000"),
        ("https://registry.example.com/v1", "registry.example.com"),
        ("https://registry.example.com/group/project", "registry.example.com"),
        ("registry.example.com/", "registry.example.com"),
        ("registry.example.com/v2/", "registry.example.com"),
        ("registry.example.com/group/project", "registry.example.com/group/project"),
        ("[::1]:5000", "[::1]:5000"),
    ],
)
def test_normal_key(key: str, normal: str) -> None:
    assert normal_key(key) == normal


def test_written_key() -> None:
    assert written_key("docker.io") == written_key("registry-1.docker.io") == HUB_KEY
    assert written_key("example.com:5000") == "example.com:5000"
    assert written_key("https://example.com/v2/") == "example.com"
    assert written_key("example.com/team") == "example.com/team"


def test_wanted_keys() -> None:
    assert wanted_keys("example.com", "a/b") == ("example.com/a/b", "example.com/a", "example.com")
    assert wanted_keys("index.docker.io", "") == ("docker.io",)
