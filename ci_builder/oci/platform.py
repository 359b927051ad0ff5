"""Platforms: ``os/architecture[/variant]`` in Go's terms (OCI image spec, image-index.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ci_builder.errors import InvalidValue
from ci_builder.values import dataclass

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
}
_KNOWN = frozenset(
    "386 amd64 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x wasm".split()
)


@dataclass(frozen=True, slots=True)
class Platform:
    """``os``, ``architecture`` (Go's names) and ``variant`` (empty where there is none)."""

    os: str
    architecture: str
    variant: str = ""

    @staticmethod
    def parse(text: str) -> Platform:
        """Parse ``linux/arm64``, ``arm64``, ``linux/arm/v7`` … Raises InvalidValue."""
        parts = text.strip().lower().split("/")
        if not all(parts) or len(parts) > 3:
            raise InvalidValue("platform", text, "write os/architecture[/variant]")
        if len(parts) == 1:
            parts = ["linux", parts[0]] if parts[0] != "linux" else parts
        if len(parts) == 1:
            raise InvalidValue("platform", text, "the architecture is missing")
        architecture, variant = _ARCHITECTURES.get(parts[1], (parts[1], ""))
        if architecture not in _KNOWN:
            raise InvalidValue("platform", text, f"unknown architecture {parts[1]!r}")
        if len(parts) == 3:
            variant = parts[2]
        return Platform(parts[0], architecture, variant).normalised()

    @staticmethod
    def of_machine(machine: str) -> Platform:
        """The platform of a Linux machine named as by ``uname -m``."""
        return Platform.parse(f"linux/{machine}")

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Platform:
        """From the platform object of an index, or from an image config."""
        return Platform(
            str(value.get("os", "")), str(value.get("architecture", "")), str(value.get("variant", ""))
        ).normalised()

    def normalised(self) -> Platform:
        """arm64/v8 and amd64/v1 are arm64 and amd64; arm without a variant is v7 (containerd)."""
        if (self.architecture, self.variant) in (("arm64", "v8"), ("amd64", "v1")):
            return Platform(self.os, self.architecture)
        if self.architecture == "arm" and not self.variant:
            return Platform(self.os, "arm", "v7")
        return self

    def runs(self, image: Platform) -> bool:
        """Whether a machine of this platform runs an ``image`` of that platform without emulation."""
        if (self.os, self.architecture) != (image.os, image.architecture):
            return False
        return not image.variant or image.variant <= self.variant

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
