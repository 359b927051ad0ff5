"""Images out of docker and out of OCI layouts, as values to compare."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from tests.compare.entries import Exported
from tests.compare.layers import apply_layers
from tests.servers.dockerd import Docker


def export_docker(docker: Docker, image: str, folder: Path) -> Exported:
    """``image`` as ``docker save`` writes it, unpacked into the empty ``folder``."""
    archive = folder / "saved.tar"
    docker("save", "-o", str(archive), image)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    (manifest,) = json.loads((folder / "manifest.json").read_text())
    config = json.loads((folder / manifest["Config"]).read_text())
    return Exported(apply_layers(folder / layer for layer in manifest["Layers"]), config)


def export_ours(layout: Path) -> Exported:
    """The one image of an OCI layout in a folder."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = _blob_json(layout, entry["digest"])
    config = _blob_json(layout, manifest["config"]["digest"])
    return Exported(apply_layers(_blob(layout, layer["digest"]) for layer in manifest["layers"]), config)


def _blob(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def _blob_json(layout: Path, digest: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_blob(layout, digest).read_bytes())
    return value
