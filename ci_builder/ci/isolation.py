"""The name of an isolation, refused before anything is fetched for it; for inputs and options alike."""

from __future__ import annotations

from ci_builder.errors import UsageError
from ci_builder.executors.choose import AUTO, AVAILABLE


def isolation(text: str) -> str:
    """``text`` if there is such an isolation. Raises UsageError."""
    hint = f"one of {', '.join((AUTO, *AVAILABLE))}"
    if text not in (AUTO, *AVAILABLE):
        raise UsageError(f"there is no isolation {text!r}", hint=hint)
    return text
