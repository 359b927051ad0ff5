"""What the processes around a command tell their keeper: a file in memory, one JSON object a line.

A file and not a pipe: nobody reads while the command runs, and there may be much to tell.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from ci_builder.executors.linux.calls import describe


def open_report() -> int:
    """A descriptor that forked processes share; the command itself does not inherit it."""
    return os.memfd_create("report", os.MFD_CLOEXEC)


def tell(report: int, value: dict[str, Any]) -> None:
    """Add ``value``."""
    data = memoryview(json.dumps(value).encode() + b"\n")
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(report, data) :]


def tell_failure(report: int, error: BaseException) -> None:
    """Add why the command could not be started."""
    tell(report, {"error": describe(error) if isinstance(error, OSError) else repr(error)})
