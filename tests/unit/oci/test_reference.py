"""References are normalised as docker does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.errors import InvalidValue
from ci_builder.oci.digest import Digest
from ci_builder.oci.reference import Reference

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("debian", "docker.io/library/debian:latest"),
        ("debian:bookworm-slim", "docker.io/library/debian:bookworm-slim"),
        ("me/app", "docker.io/me/app:latest"),
        ("index.docker.io/library/debian:1", "docker.io/library/debian:1"),
        ("docker.io/debian", "docker.io/library/debian:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"),
        ("[::1]:5000/a:b", "[::1]:5000/a:b"),
        ("ghcr.io/Owner".lower() + "/x__y/z-1.2", "ghcr.io/owner/x__y/z-1.2:latest"),
        (f"debian@{SHA}", f"docker.io/library/debian@{SHA}"),
        (f"debian:12@{SHA}", f"docker.io/library/debian:12@{SHA}"),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert str(Reference.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "Debian", "a//b", "/a", "a/", "a:", "a:b:c/", "a b", "a:-x", "a@sha256:12", "a@md5:" + "a" * 32,
     "-a", "a..b", "reg.example.com/", "a:" + "x" * 129, "x" * 256, "reg.example.com:port/a", "https://r.example/a"],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Reference.parse(text)


def test_upper_case_has_a_hint() -> None:
    with pytest.raises(InvalidValue) as caught:
        Reference.parse("registry.example.com/Group/App:1")
    assert "lower case" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "familiar"),
    [("debian", "debian:latest"), ("me/app:1", "me/app:1"), ("r.example/a", "r.example/a:latest")],
)
def test_familiar(text: str, familiar: str) -> None:
    assert Reference.parse(text).familiar == familiar


@given(st.text(alphabet="abcA:/@._-0", max_size=40))
def test_what_parses_is_a_fixed_point(text: str) -> None:
    try:
        parsed = Reference.parse(text)
    except InvalidValue:
        return
    assert Reference.parse(str(parsed)) == parsed
    assert Reference.parse(parsed.familiar) == parsed


def test_digest() -> None:
    assert str(Digest.of(b"")) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for bad in ("", "sha256", "sha256:xyz", "sha256:" + "A" * 64, "sha1:" + "a" * 40):
        with pytest.raises(InvalidValue):
            Digest.parse(bad)
