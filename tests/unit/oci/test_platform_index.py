"""Platforms and the choice of a manifest out of an index."""

from __future__ import annotations

import json

import pytest

from ci_builder.errors import ImageError, InvalidValue
from ci_builder.oci.index import Index
from ci_builder.oci.platform import Platform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("Linux/AMD64/v3", "linux/amd64/v3"),
    ],
)
def test_parse(text: str, expected: str) -> None:
    assert str(Platform.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "linux", "linux/", "linux/vax", "a/b/c/d", "/amd64"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Platform.parse(text)


def _index(*platforms: str) -> Index:
    manifests = []
    for number, text in enumerate(platforms):
        item = Platform.parse(text)
        platform = {"os": item.os, "architecture": item.architecture, "variant": item.variant}
        manifests.append(
            {"mediaType": "m", "size": 1, "digest": f"sha256:{number:064x}", "platform": platform}
        )
    return Index.parse(json.dumps({"manifests": manifests}).encode())


def test_select() -> None:
    index = _index("linux/arm/v6", "linux/arm/v7", "linux/amd64", "linux/amd64/v3")
    assert index.select(Platform.parse("linux/amd64")).digest.hex.endswith("2")
    assert index.select(Platform.parse("linux/amd64/v4")).digest.hex.endswith("3")
    assert index.select(Platform.parse("linux/arm/v7")).digest.hex.endswith("1")
    assert index.select(Platform.parse("linux/arm/v6")).digest.hex.endswith("0")


def test_select_names_what_there_is() -> None:
    with pytest.raises(ImageError, match="no image for linux/s390x; there are: linux/amd64"):
        _index("linux/amd64").select(Platform.parse("linux/s390x"))
