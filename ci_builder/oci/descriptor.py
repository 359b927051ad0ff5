"""Descriptors (OCI image spec, descriptor.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ci_builder.errors import ImageError, InvalidValue
from ci_builder.oci.digest import Digest
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some content is (media type), its digest and its size in bytes."""

    media_type: str
    digest: Digest
    size: int
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None

    @staticmethod
    def from_json(value: object) -> Descriptor:
        """Read one out of a manifest or an index. Raises ImageError."""
        if not isinstance(value, Mapping):
            raise ImageError(f"a descriptor is a JSON object, not {type(value).__name__}")
        try:
            digest = Digest.parse(str(value["digest"]))
            size = value["size"]
            media_type = value["mediaType"]
        except KeyError as error:
            raise ImageError(f"a descriptor lacks {error.args[0]!r}") from error
        except InvalidValue as error:
            raise ImageError(f"a descriptor's {error}") from error
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ImageError(f"a descriptor's size is {size!r}")
        annotations = value.get("annotations") or {}
        if not isinstance(media_type, str) or not isinstance(annotations, Mapping):
            raise ImageError("a descriptor's mediaType or annotations have the wrong type")
        platform = value.get("platform")
        return Descriptor(
            media_type,
            digest,
            size,
            tuple((str(key), str(text)) for key, text in annotations.items()),
            Platform.from_json(platform) if isinstance(platform, Mapping) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON object, keys in the specification's order."""
        value: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        if self.platform is not None:
            platform = {"architecture": self.platform.architecture, "os": self.platform.os}
            if self.platform.variant:
                platform["variant"] = self.platform.variant
            value["platform"] = platform
        return value
