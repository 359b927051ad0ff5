"""skopeo as a peer: what we push it pulls, what it pushes we pull; docker schema 2, OCI, indexes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ci_builder.errors import ImageError
from ci_builder.layout.reader import read_image
from ci_builder.layout.writer import write_image
from ci_builder.oci import media_types
from ci_builder.oci.digest import Digest
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from tests.registry.images import AMD64, ARM64, Recorder, connect, make_image, read_layers
from tests.servers.registry import PASSWORD, USER, RunningRegistry, start_registry

pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with start_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def _skopeo(*arguments: str) -> str:
    done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("family", ["oci", "docker"])
def test_skopeo_pulls_what_we_push(tmp_path: Path, server: RunningRegistry, family: Any) -> None:
    image = make_image((10_000, 20), family)
    reference = Reference.parse(f"{server.host}/ours-{family}:1")
    with connect(tmp_path) as registry:
        registry.push(image, [reference])
    source = f"docker://{reference}"
    raw = _skopeo("inspect", "--raw", "--tls-verify=false", source)
    assert raw.encode() == image.manifest_bytes()
    _skopeo("copy", "--src-tls-verify=false", "--format", "oci", source, f"oci:{tmp_path}/layout:x")
    copied = read_image(tmp_path / "layout", "x", AMD64)
    assert read_layers(copied) == read_layers(image)
    assert copied.config.diff_ids == image.config.diff_ids


@pytest.mark.parametrize("family", ["oci", "v2s2"])
def test_we_pull_what_skopeo_pushes(tmp_path: Path, server: RunningRegistry, family: str) -> None:
    image = make_image((10_000, 20))
    write_image(tmp_path / "layout", image, [("x", "")])
    target = f"{server.host}/theirs-{family}"
    _skopeo(
        "copy",
        "--dest-tls-verify=false",
        "--format",
        family,
        f"oci:{tmp_path}/layout:x",
        f"docker://{target}:1",
    )
    with connect(tmp_path) as registry:
        pulled = registry.image(Reference.parse(f"{target}:1"), AMD64)
        assert pulled.family == ("oci" if family == "oci" else "docker")
        assert read_layers(pulled) == read_layers(image)
        raw = _skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{target}:1")
        assert pulled.manifest_bytes() == raw.encode()
        # Pushed on unchanged, it keeps its digest, whatever wrote it.
        again = registry.push(pulled, [Reference.parse(f"{server.host}/again:1")])
        assert again.digest == Digest.of(raw.encode())


def test_skopeo_with_a_password(tmp_path: Path) -> None:
    with start_registry(tmp_path, "token") as server:
        image = make_image()
        write_image(tmp_path / "layout", image, [("x", "")])
        _skopeo(
            "copy",
            "--dest-tls-verify=false",
            f"--dest-creds={USER}:{PASSWORD}",
            f"oci:{tmp_path}/layout:x",
            f"docker://{server.host}/a/b:1",
        )
        with connect(tmp_path) as registry:  # the token server lets everybody pull
            pulled = registry.image(Reference.parse(f"{server.host}/a/b:1"), AMD64)
            assert read_layers(pulled) == read_layers(image)


@pytest.mark.parametrize("index_type", media_types.INDEXES)
def test_an_index_by_platform(tmp_path: Path, server: RunningRegistry, index_type: str) -> None:
    platforms = [AMD64, ARM64, Platform("linux", "arm", "v7")]
    images = [make_image((100 + number,), platform=item) for number, item in enumerate(platforms)]
    name = f"{server.host}/index"
    with connect(tmp_path) as registry:
        entries = []
        for image in images:
            pinned = Reference.parse(f"{name}@{image.descriptor().digest}")
            entries.append(registry.push(image, [pinned]).to_json())
        index = json.dumps({"schemaVersion": 2, "mediaType": index_type, "manifests": entries})
        answer = requests.put(
            f"{server.url}/v2/index/manifests/all", index, headers={"Content-Type": index_type}, timeout=10
        )
        assert answer.status_code == 201
        reference = Reference.parse(f"{name}:all")
        assert registry.resolve(reference).media_type == index_type
        for platform, image in zip(platforms, images, strict=True):
            pulled = registry.image(reference, platform)
            assert pulled.manifest_bytes() == image.manifest_bytes()
            pinned = reference.with_digest(Digest.of(index.encode()))
            assert registry.image(pinned, platform) == pulled
        with pytest.raises(ImageError, match="linux/amd64, linux/arm/v7, linux/arm64"):
            registry.image(reference, Platform("linux", "s390x"))


def test_an_image_for_another_machine_is_told(tmp_path: Path, server: RunningRegistry) -> None:
    recorder = Recorder()
    reference = Reference.parse(f"{server.host}/arm:1")
    with connect(tmp_path, recorder=recorder) as registry:
        registry.push(make_image((10,), platform=ARM64), [reference])
        registry.image(reference, AMD64)
    assert "is an image for linux/arm64, not for linux/amd64" in recorder.notices()
