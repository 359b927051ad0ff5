"""kaniko's flags about the form of the image, as attributes of ``--output``."""

from __future__ import annotations

from ci_builder.cli.kaniko.words import Words
from ci_builder.errors import UsageError

_FORMATS = {"oci": "true", "docker": "false"}
_COMPRESSIONS = ("gzip", "zstd")
_DEFAULT_LEVEL = -1


def form_of(words: Words) -> tuple[tuple[str, str], ...]:
    """The attributes that every image gets; none where the flags ask for what is done anyway. Raises
    UsageError."""
    found = []
    compression, format_ = words.text("compression"), words.text("image-format")
    level = words.number("compression-level", _DEFAULT_LEVEL)
    if compression and compression not in _COMPRESSIONS:
        raise UsageError(f"--compression is one of {', '.join(_COMPRESSIONS)}, not {compression!r}")
    if format_ and format_ not in _FORMATS:
        raise UsageError(f"--image-format is one of {', '.join(_FORMATS)}, not {format_!r}")
    if compression == "zstd":
        found.append(("compression", compression))
    if level != _DEFAULT_LEVEL:
        found.append(("compression-level", str(level)))
    if format_:
        found.append(("oci-mediatypes", _FORMATS[format_]))
    if words.switch("reproducible"):
        found.append(("rewrite-timestamp", "true"))
    return tuple(found)
