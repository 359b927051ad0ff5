"""One layout in one tar: an OCI archive, or an archive for ``docker load``.

Both hold the OCI layout; docker's has a manifest.json beside it (as ``docker save`` has since version
25), which older daemons read.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from typing import BinaryIO

from ci_builder.layout.reader import LAYOUT, REF_NAME
from ci_builder.layout.writer import IMAGE_NAME, Pairs
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.reference import Reference
from ci_builder.values import replace


def write_archive(
    stream: BinaryIO,
    image: Image,
    references: Sequence[Reference],
    *,
    docker: bool,
    annotations: Pairs = (),
) -> None:
    """Write ``image`` under the names of ``references`` as a tar to ``stream``; each entry of the index
    has the ``annotations``, too. Raises OSError."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _folders(tar)
        written: set[Digest] = set()
        for layer in image.layers:
            if layer.descriptor.digest in written:
                continue
            written.add(layer.descriptor.digest)
            with layer.open() as source:
                tar.addfile(_entry(_blob(layer.descriptor.digest), layer.descriptor.size), source)
        for data in (image.config_bytes(), image.manifest_bytes()):
            _add(tar, _blob(Digest.of(data)), data)
        _add(tar, "index.json", _index(image, references, annotations))
        if docker:
            _add(tar, "manifest.json", _docker_manifest(image, references))
        _add(tar, LAYOUT, b'{"imageLayoutVersion":"1.0.0"}')


def _index(image: Image, references: Sequence[Reference], annotations: Pairs) -> bytes:
    manifest = replace(image.descriptor(), annotations=annotations).to_json()
    entries = [
        manifest
        | {"annotations": dict(annotations) | {IMAGE_NAME: f"{item.name}:{item.tag}", REF_NAME: item.tag}}
        for item in references
    ]
    value = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries or [manifest],
    }
    return json.dumps(value, separators=(",", ":")).encode()


def _docker_manifest(image: Image, references: Sequence[Reference]) -> bytes:
    value = [
        {
            "Config": _blob(image.config_descriptor().digest),
            "RepoTags": [item.familiar for item in references] or None,
            "Layers": [_blob(layer.descriptor.digest) for layer in image.layers],
        }
    ]
    return json.dumps(value, separators=(",", ":")).encode()


def _folders(tar: tarfile.TarFile) -> None:
    for name in ("blobs", "blobs/sha256"):
        entry = tarfile.TarInfo(name)
        entry.type = tarfile.DIRTYPE
        entry.mode = 0o755
        tar.addfile(entry)


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_entry(name, len(data)), io.BytesIO(data))


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    return entry
