"""Images that a build begins from or copies from: out of a registry, or out of a named build context."""

from __future__ import annotations

import os
from pathlib import Path

from ci_builder.build.named_contexts import IMAGE, LAYOUT, NamedContexts
from ci_builder.build.origins import FromContext, FromImage, Origin, Scratch
from ci_builder.errors import ImageError, UsageError
from ci_builder.layout.reader import read_image
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.registry.client import Registry
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Bases:
    """Resolves origins that are images, each once. ``platform`` is the build's target; ``any_platform``: an
    image for another one is no error."""

    registry: Registry
    named: NamedContexts
    platform: Platform
    any_platform: bool = False
    _known: dict[tuple[Origin, Platform], Image] = field(default_factory=dict)

    def image(self, origin: Origin, platform: Platform | None = None) -> Image:
        """The image that FROM or COPY --from means. Raises RegistryError, ImageError, Unsupported."""
        key = (origin, platform or self.platform)
        if key not in self._known:
            self._known[key] = self._resolve(*key)
        return self._known[key]

    def _resolve(self, origin: Origin, wanted: Platform) -> Image:
        if isinstance(origin, Scratch):
            return scratch(wanted)
        if isinstance(origin, FromImage):
            image = self.registry.image(origin.reference, wanted)
            return image if self.any_platform else _checked(image, str(origin.reference), wanted)
        if isinstance(origin, FromContext):
            return self._named_image(origin.name, wanted)
        raise TypeError(f"{origin} is not an image")

    def _named_image(self, name: str, wanted: Platform) -> Image:
        value = self.named.images.get(name)
        if value is None:
            raise TypeError(f"the build context {name} is files, not an image")
        if value.startswith(LAYOUT):
            image = _from_layout(value.removeprefix(LAYOUT), wanted)
        else:
            image = self.registry.image(Reference.parse(value.removeprefix(IMAGE)), wanted)
        return _checked(image, value, wanted)


def _from_layout(text: str, platform: Platform) -> Image:
    folder, at, digest = text.partition("@")
    tag = ""
    if not at and not os.path.isdir(folder) and ":" in folder.rpartition("/")[2]:
        folder, _, tag = folder.rpartition(":")
    if not os.path.isdir(folder):
        raise UsageError(f"oci-layout://{text}: there is no such folder")
    return read_image(Path(folder), digest if at else tag, platform)


def _checked(image: Image, name: str, wanted: Platform) -> Image:
    actual = image.config.platform
    if actual.architecture and (actual.os, actual.architecture) != (wanted.os, wanted.architecture):
        raise ImageError(
            f"the image {name} is for {actual}, the build for {wanted}",
            hint=f"use a base for {wanted}, or build for {actual}",
        )
    return image
