"""What is told of an error that fails no build."""

from __future__ import annotations

from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice


def warning(text: str, error: Exception) -> Notice:
    """``text`` says what does not come about because of ``error``, whose hint is told as well."""
    hint = error.hint if isinstance(error, CiBuilderError) else ""
    return Notice("warning", f"{text}: {error}" + (f" ({hint})" if hint else ""))
