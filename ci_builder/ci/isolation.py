"""The name of an isolation, refused before anything is fetched for it; for inputs and options alike."""

from __future__ import annotations

from ci_builder.errors import UsageError
from ci_builder.executors.isolations import NAMES


def isolation(text: str) -> str:
    """``text`` if there is such an isolation. Raises UsageError."""
    if text not in NAMES:
        raise UsageError(f"there is no isolation {text!r}", hint=f"one of {', '.join(NAMES)}")
    return text
