"""Reading images out of an OCI image layout folder (OCI image spec, image-layout.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ci_builder.errors import DigestMismatch, ImageError
from ci_builder.layout.verified import open_verified
from ci_builder.oci import media_types
from ci_builder.oci.config import ImageConfig
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, Manifest
from ci_builder.oci.index import Index
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.untrusted import from_json

LAYOUT = "oci-layout"
"""The file that marks a layout (OCI image spec, image-layout.md)."""
REF_NAME = "org.opencontainers.image.ref.name"
_JSON_LIMIT = 32 << 20


class UnknownLayout(ImageError):
    """A layout of another version than that which is known."""


def read_index(folder: Path) -> Index:
    """The index of the layout in ``folder``. Raises ImageError when it is none."""
    marker = folder / LAYOUT
    try:
        if not (folder / "index.json").is_file():
            raise ImageError(f"{folder} is not an OCI image layout: it has no file index.json")
        version = from_json(marker.read_bytes())["imageLayoutVersion"]
        data = (folder / "index.json").read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError(f"{folder} is not an OCI image layout: {error}") from error
    if version != "1.0.0":
        raise UnknownLayout(f"{folder} is an OCI image layout of the unknown version {version!r}")
    return Index.parse(data)


def read_image(folder: Path, name: str, platform: Platform) -> Image:
    """The image called ``name`` in the layout: a tag (the ref name annotation), a digest, or empty when
    the layout holds one image. Raises ImageError naming what there is, DigestMismatch."""
    chosen = _find(folder, read_index(folder), name, platform)
    while chosen.media_type in media_types.INDEXES:
        chosen = Index.parse(read_blob(folder, chosen)).select(platform)
    if chosen.media_type not in media_types.MANIFESTS:
        raise ImageError(f"{folder}: {chosen.media_type} is not an image manifest")
    raw = read_blob(folder, chosen)
    manifest = Manifest.parse(raw, chosen.media_type)
    raw_config = read_blob(folder, manifest.config)
    config = ImageConfig.parse(raw_config)
    if len(config.diff_ids) != len(manifest.layers):
        raise ImageError(
            f"{folder}: the config names {len(config.diff_ids)} layers, the manifest {len(manifest.layers)}"
        )
    layers = tuple(
        Layer(descriptor, diff_id, _opener(folder, descriptor))
        for descriptor, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
    )
    return Image(config, layers, manifest.family, manifest.annotations, raw_config, raw)


def read_blob(folder: Path, descriptor: Descriptor) -> bytes:
    """A JSON blob of the layout, verified. Raises ImageError, DigestMismatch."""
    if descriptor.size > _JSON_LIMIT:
        raise ImageError(
            f"{descriptor.digest}: {descriptor.size} bytes are too many for a manifest or config"
        )
    path = blob_path(folder, descriptor.digest)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{folder} lacks the blob {descriptor.digest}: {error.strerror}") from error
    actual = descriptor.digest.of_same_kind(data)
    if actual != descriptor.digest:
        raise DigestMismatch(f"blob in {folder}", str(descriptor.digest), str(actual))
    return data


def blob_path(folder: Path, digest: Digest) -> Path:
    """Where the blob of ``digest`` lies in a layout."""
    return folder / "blobs" / digest.algorithm / digest.hex


def _find(folder: Path, index: Index, name: str, platform: Platform) -> Descriptor:
    if ":" in name:
        digest = Digest.parse(name)
        for item in index.manifests:
            if item.digest == digest:
                return item
        raise ImageError(f"{folder} holds no image with the digest {name}")
    named = [item for item in index.manifests if dict(item.annotations).get(REF_NAME) == name]
    if name:
        if not named:
            known = sorted(
                {dict(item.annotations).get(REF_NAME, str(item.digest)) for item in index.manifests}
            )
            raise ImageError(
                f"{folder} holds no image called {name!r}; there are: {', '.join(known) or 'none'}"
            )
        return named[-1]
    if len(index.manifests) == 1:
        return index.manifests[0]
    if all(item.platform for item in index.manifests):
        return index.select(platform)
    raise ImageError(
        f"{folder} holds {len(index.manifests)} images", hint="choose one with :TAG or @DIGEST at the end"
    )


def _opener(folder: Path, descriptor: Descriptor) -> Callable[[], BinaryIO]:
    path = blob_path(folder, descriptor.digest)

    def open_blob() -> BinaryIO:
        try:
            return open_verified(path, descriptor)
        except OSError as error:
            raise ImageError(f"{folder} lacks the layer {descriptor.digest}: {error.strerror}") from error

    return open_blob
