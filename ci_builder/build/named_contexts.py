"""``--build-context``: further contexts and images under names of their own."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.errors import Unsupported, UsageError
from ci_builder.values import dataclass

LAYOUT = "oci-layout://"
IMAGE = "docker-image://"


@dataclass(frozen=True, slots=True)
class NamedContexts:
    """``--build-context NAME=VALUE``: images by name, and everything else (folders, archives) by name."""

    images: Mapping[str, str]
    files: Mapping[str, str]

    @staticmethod
    def parse(pairs: tuple[tuple[str, str], ...]) -> NamedContexts:
        """Sort the pairs of a Request. Raises UsageError, Unsupported."""
        images: dict[str, str] = {}
        files: dict[str, str] = {}
        for name, value in pairs:
            if not name or not value:
                raise UsageError(f"--build-context {name}={value}: write NAME=VALUE")
            if value.startswith(("target:", "input:")):
                raise Unsupported(
                    f"--build-context {name}={value}: targets are not supported in this version"
                )
            (images if value.startswith((LAYOUT, IMAGE)) else files)[name] = value
        return NamedContexts(images, files)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name."""
        return (*self.images, *self.files)
