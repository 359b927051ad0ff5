"""Signals for the programs under test as a terminal gives them, however the tests themselves were started."""

from __future__ import annotations

import signal


def default_signals() -> None:
    """For ``preexec_fn``: a background job or nohup ignores some, and children inherit that."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
