"""The types of outputs, and which of them are written once and for all."""

from __future__ import annotations

from pathlib import Path

from ci_builder.request import OutputSpec

TYPES = ("image", "registry", "oci", "docker", "local", "tar")


def is_standard_output(spec: OutputSpec) -> bool:
    """Whether the output is a tar on standard output."""
    folder = dict(spec.attributes).get("tar", "").lower() in ("false", "0")
    return spec.type in ("oci", "docker", "tar") and spec.dest in ("", "-") and not folder


def is_stream(spec: OutputSpec) -> bool:
    """Whether what was written once cannot be written anew: standard output, a pipe, a device."""
    place = Path(spec.dest or "-")
    return is_standard_output(spec) or (place.exists() and not (place.is_file() or place.is_dir()))
