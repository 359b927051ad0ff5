"""An image: layers and a config, whatever place they live in (OCI image spec, manifest.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from ci_builder.errors import ImageError
from ci_builder.oci import media_types
from ci_builder.oci.config import History, ImageConfig
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.layer import Layer
from ci_builder.oci.parsed import parsed
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, replace

Family = Literal["oci", "docker"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed image manifest: its config's and layers' descriptors."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    family: Family
    annotations: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(data: bytes, media_type: str) -> Manifest:
        """Parse a manifest blob of the OCI or docker schema 2 ``media_type``. Raises ImageError."""
        value = json_object(data, "manifest")
        if value.get("schemaVersion") != 2 or "config" not in value:
            raise ImageError(f"not an image manifest of schema version 2 ({media_type})")
        family: Family = "docker" if media_type == media_types.DOCKER_MANIFEST else "oci"
        layers = value.get("layers") or []
        if not isinstance(layers, list):
            raise ImageError("a manifest's layers are no list")
        return Manifest(
            Descriptor.from_json(value["config"]),
            tuple(Descriptor.from_json(item) for item in layers),
            family,
            _annotations(value.get("annotations") or {}),
        )


@dataclass(frozen=True, slots=True)
class Image:
    """Layers, bottom first, and the config that belongs to them.

    ``raw_config`` and ``raw_manifest`` are the bytes as they were pulled, kept as long as nothing is
    changed, so that an untouched image keeps its digests.
    """

    config: ImageConfig
    layers: tuple[Layer, ...] = ()
    family: Family = "oci"
    annotations: tuple[tuple[str, str], ...] = ()
    raw_config: bytes = b""
    raw_manifest: bytes = b""

    def append(self, layer: Layer, history: History) -> Image:
        """The image with one more layer on top and its history entry."""
        config = replace(
            self.config,
            diff_ids=(*self.config.diff_ids, layer.diff_id),
            history=(*self.config.history, history),
        )
        return replace(self, config=config, layers=(*self.layers, layer), raw_config=b"", raw_manifest=b"")

    def with_history(self, history: History) -> Image:
        """The image with one more history entry, for an instruction that makes no layer."""
        config = replace(self.config, history=(*self.config.history, history))
        return replace(self, config=config, raw_config=b"", raw_manifest=b"")

    def with_config(self, config: ImageConfig) -> Image:
        """The image with another config of the same layers."""
        if config.diff_ids != self.config.diff_ids:
            raise ValueError("a config's diff IDs are changed by append() only")
        if config == self.config:
            return self
        return replace(self, config=config, raw_config=b"", raw_manifest=b"")

    def with_annotations(self, annotations: tuple[tuple[str, str], ...]) -> Image:
        """The image with these manifest annotations added."""
        if not annotations:
            return self
        merged = dict(self.annotations) | dict(annotations)
        return replace(self, annotations=tuple(merged.items()), raw_manifest=b"")

    def layer_makers(self) -> list[str]:
        """What made each layer, as the history says it; empty where it says nothing."""
        makers = [item.created_by for item in self.config.history if not item.empty_layer]
        count = len(self.layers)
        # A base may have fewer history entries than layers: the entries belong to the topmost ones.
        return [""] * (count - len(makers)) + makers[-count:] if count else []

    def config_bytes(self) -> bytes:
        """The config blob."""
        return self.raw_config or self.config.to_bytes()

    def config_descriptor(self) -> Descriptor:
        """The config blob's descriptor; its digest is docker's image ID."""
        data = self.config_bytes()
        oci = self.family == "oci"
        media_type = media_types.OCI_CONFIG if oci else media_types.DOCKER_CONFIG
        return Descriptor(media_type, Digest.of(data), len(data))

    def manifest_bytes(self) -> bytes:
        """The manifest blob."""
        if self.raw_manifest:
            return self.raw_manifest
        value: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config_descriptor().to_json(),
            "layers": [_in_family(layer.descriptor, self.family).to_json() for layer in self.layers],
        }
        if self.annotations and self.family == "oci":
            value["annotations"] = dict(self.annotations)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def media_type(self) -> str:
        """The manifest's media type."""
        return media_types.OCI_MANIFEST if self.family == "oci" else media_types.DOCKER_MANIFEST

    def descriptor(self) -> Descriptor:
        """The manifest's descriptor."""
        data = self.manifest_bytes()
        return Descriptor(self.media_type, Digest.of(data), len(data), (), self.config.platform)


def scratch(platform: Platform) -> Image:
    """SCRATCH for a platform: no layers, an empty config."""
    return Image(ImageConfig(platform))


def json_object(data: bytes, what: str) -> Mapping[str, Any]:
    """``data`` parsed as one JSON object. Raises ImageError naming ``what``."""
    try:
        value = parsed(data)
    except ValueError as error:
        raise ImageError(f"the {what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ImageError(f"the {what} is not a JSON object")
    return value


def _annotations(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ImageError("the manifest's annotations are not an object of texts")
    return tuple(value.items())


def _in_family(descriptor: Descriptor, family: Family) -> Descriptor:
    # A base of the other family keeps its blobs: only the names of the types differ.
    compression = media_types.layer_compression(descriptor.media_type)
    if compression is None:
        raise ImageError(f"{descriptor.media_type} is not a layer's media type")
    return replace(descriptor, media_type=media_types.layer_type(family, compression))
