"""What is told of an error that fails no build."""

from __future__ import annotations

from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice


def warning(text: str, error: Exception) -> Notice:
    """``text`` says what does not come about because of ``error``, whose hint is told as well; of one that
    nobody expected its kind."""
    if not isinstance(error, CiBuilderError):
        return Notice("warning", f"{text}: {type(error).__name__}: {error}")
    return Notice("warning", f"{text}: {error}" + (f" ({error.hint})" if error.hint else ""))
