"""JSON as registries and other programs give it."""

from __future__ import annotations

import json
from typing import Any

from ci_builder.untrusted import from_json


def parsed(data: bytes) -> Any:
    """The value that ``data`` says. Raises ValueError, also for half of a character (``\\ud800`` alone, RFC
    8259 section 8.2), which could not be written again."""
    value = from_json(data)
    if b"\\ud" in data.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value
