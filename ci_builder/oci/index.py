"""An image index: the manifests of several platforms (OCI image spec, image-index.md)."""

from __future__ import annotations

from ci_builder.errors import ImageError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.image import json_object
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """The manifests of an index or a docker manifest list, in their order."""

    manifests: tuple[Descriptor, ...]

    @staticmethod
    def parse(data: bytes) -> Index:
        """Parse an index blob. Raises ImageError."""
        manifests = json_object(data, "image index").get("manifests")
        if not isinstance(manifests, list):
            raise ImageError("an image index without a list of manifests")
        return Index(tuple(Descriptor.from_json(item) for item in manifests))

    def select(self, platform: Platform) -> Descriptor:
        """The best manifest that a machine of ``platform`` runs: the highest variant, then the first.

        Raises ImageError that names the platforms that there are.
        """
        fitting = [
            item for item in self.manifests if item.platform is not None and platform.runs(item.platform)
        ]
        if not fitting:
            known = sorted({str(item.platform) for item in self.manifests if item.platform})
            raise ImageError(
                f"no image for {platform}; there are: {', '.join(known) or 'none with a platform'}",
                hint="choose one of them with --platform",
            )
        return max(fitting, key=lambda item: item.platform.variant if item.platform else "")
