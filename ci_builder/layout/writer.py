"""Writing images into an OCI image layout folder (OCI image spec, image-layout.md).

Blobs first, the index last and by rename, so that a reader never finds an image that is not whole;
a lock keeps two builds from losing each other's entry.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ci_builder.errors import DigestMismatch, OutputError
from ci_builder.layout.reader import LAYOUT, REF_NAME, blob_path
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image
from ci_builder.oci.layer import Layer
from ci_builder.untrusted import from_json
from ci_builder.values import replace

_BLOCK = 1 << 20
IMAGE_NAME = "io.containerd.image.name"

Pairs = tuple[tuple[str, str], ...]

UNFINISHED = ".new-"
"""What the names of files begin with that are being written."""


def write_image(
    folder: Path, image: Image, names: Sequence[tuple[str, str]] = (), annotations: Pairs = ()
) -> Descriptor:
    """Put ``image`` into the layout in ``folder``, made when it is not there.

    ``names`` are (ref name, full image name) pairs; an entry of the same name is replaced. Without
    names the image gets one entry without a name. Each entry has the ``annotations``, too. Returns the
    manifest's descriptor. Raises OutputError.
    """
    try:
        with locked(folder):
            for layer in image.layers:
                _copy_layer(folder, layer)
            _write_blob(folder, image.config_bytes())
            manifest = replace(image.descriptor(), annotations=annotations)
            _write_blob(folder, image.manifest_bytes())
            _update_index(folder, manifest, names)
            return manifest
    except OSError as error:
        raise OutputError(f"cannot write the OCI layout {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Meanwhile nobody else writes to the layout in ``folder``. Raises OSError."""
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _copy_layer(folder: Path, layer: Layer) -> None:
    digest = layer.descriptor.digest
    target = blob_path(folder, digest)
    if target.exists() and target.stat().st_size == layer.descriptor.size:
        return
    with layer.open() as source, _new_file(target) as file:
        hasher = hashlib.new(digest.algorithm)
        while block := source.read(_BLOCK):
            hasher.update(block)
            file.write(block)
        if hasher.hexdigest() != digest.hex:
            raise DigestMismatch("layer", str(digest), f"{digest.algorithm}:{hasher.hexdigest()}")


def _write_blob(folder: Path, data: bytes) -> None:
    target = blob_path(folder, Digest.of(data))
    if not target.exists():
        with _new_file(target) as file:
            file.write(data)


def _update_index(folder: Path, manifest: Descriptor, names: Sequence[tuple[str, str]]) -> None:
    replaced = {name for name, _ in names}
    kept = [item for item in entries_of(folder) if _stays(item, replaced, manifest)]
    for name, full in names:
        annotations = dict(manifest.annotations) | {REF_NAME: name} | ({IMAGE_NAME: full} if full else {})
        kept.append(manifest.to_json() | {"annotations": annotations})
    if not names:
        kept.append(manifest.to_json())
    with _new_file(folder / LAYOUT) as file:
        file.write(b'{"imageLayoutVersion":"1.0.0"}')
    write_index(folder, kept)


def entries_of(folder: Path) -> list[dict[str, Any]]:
    """The entries of the index in ``folder`` as they stand there, none where there is no index. Raises
    OutputError for what is no index, OSError."""
    try:
        value = from_json((folder / "index.json").read_bytes())
    except FileNotFoundError:
        return []
    except ValueError:
        value = None
    entries = value.get("manifests") or [] if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        text = f"{folder / 'index.json'} is no index of an OCI layout"
        raise OutputError(text, hint=f"remove {folder}, if it may go, or write somewhere else")
    return entries


def _is_entry(item: object) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("annotations") or {}, dict):
        return False
    return isinstance((item.get("annotations") or {}).get(REF_NAME, ""), str)


def write_index(folder: Path, entries: Sequence[dict[str, Any]]) -> None:
    """The index with these ``entries``, at once; for who holds the lock. Raises OSError."""
    value = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": list(entries),
    }
    with _new_file(folder / "index.json") as file:
        file.write(json.dumps(value, separators=(",", ":")).encode())


def _stays(item: dict[str, Any], replaced: set[str], manifest: Descriptor) -> bool:
    name = (item.get("annotations") or {}).get(REF_NAME)
    if name is None:
        return bool(item.get("digest") != str(manifest.digest))
    return name not in replaced


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it is whole."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
