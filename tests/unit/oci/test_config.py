"""Configs go through unchanged where nothing was asked to change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ci_builder.errors import ImageError
from ci_builder.oci.config import Healthcheck, ImageConfig, RunConfig
from ci_builder.oci.image import Manifest, scratch
from ci_builder.oci.media_types import OCI_MANIFEST
from ci_builder.oci.platform import Platform

FULL: dict[str, Any] = {
    "architecture": "arm64",
    "os": "linux",
    "created": "2026-01-01T00:00:00Z",
    "author": "somebody",
    "config": {
        "User": "app:app",
        "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
        "Env": ["PATH=/bin", "EMPTY=", "EQ=a=b"],
        "Entrypoint": ["/entry"],
        "Cmd": ["a", "b"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000, "Retries": 3},
        "Volumes": {"/data": {}},
        "WorkingDir": "/app",
        "OnBuild": ["RUN true"],
        "Labels": {"b": "2", "a": "1"},
        "StopSignal": "SIGINT",
        "Shell": ["/bin/bash", "-c"],
        "ArgsEscaped": True,
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
    "history": [
        {"created": "2026-01-01T00:00:00Z", "created_by": "x"},
        {"created_by": "y", "comment": "c", "empty_layer": True},
    ],
}


def test_round_trip() -> None:
    assert ImageConfig.parse(json.dumps(FULL).encode()).to_json() == FULL


def test_null_is_not_empty() -> None:
    config = RunConfig.from_json({"Cmd": None, "Entrypoint": []})
    assert config.cmd is None
    assert config.entrypoint == ()
    assert config.to_json() == {"Entrypoint": []}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"rootfs": {"diff_ids": ["x"]}}', b'{"rootfs": 3}',
                                  b'{"rootfs": {}, "config": {"Cmd": "sh"}}',
                                  b'{"rootfs": {}, "config": {"ExposedPorts": [[]]}}',
                                  b'{"rootfs": {}, "config": {"Volumes": {"/d": {}}, "OnBuild": [1]}}',
                                  b'{"rootfs": {}, "author": "\\ud800"}'])  # fmt: skip
def test_broken(data: bytes) -> None:
    with pytest.raises(ImageError):
        ImageConfig.parse(data)


@pytest.mark.parametrize("more", [b'"annotations": ["x"]', b'"annotations": {"x": 1}', b'"x": "\\uD800"'])
def test_broken_manifest(more: bytes) -> None:
    config = b'{"mediaType": "x", "size": 1, "digest": "sha256:%b"}' % (b"0" * 64)
    with pytest.raises(ImageError):
        Manifest.parse(b'{"schemaVersion": 2, "config": %b, %b}' % (config, more), OCI_MANIFEST)


def test_healthcheck_start_interval_is_kept() -> None:
    value = {"Test": ["NONE"], "StartInterval": 5}
    assert Healthcheck.from_json(value).to_json() == value


def test_the_bytes_of_an_image_do_not_vary() -> None:
    image = scratch(Platform.parse("linux/amd64"))
    assert image.manifest_bytes() == image.manifest_bytes()
    assert image.descriptor().digest == scratch(Platform.parse("amd64")).descriptor().digest
