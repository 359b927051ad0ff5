"""Everything that a build imports or reads late, done before a build in place replaces ``/``.

Elsewhere a module that only some builds need is imported by the function that needs it, because imports
are most of a start. In place, what is found after the first unpacking is another root file system's: it
must not be read, much less run.
"""

from __future__ import annotations

import contextlib
import importlib

from ci_builder.build.job import Job
from ci_builder.context.git import is_git

LATE = (
    "ssl",
    "encodings.idna",
    "urllib3",
    "zstandard",
    "ci_builder.executors.linux",
    "ci_builder.executors.linux.calls",
    "ci_builder.layout.archive",
    "ci_builder.registry.pools",
)
"""What functions import that may be called after the unpacking (a test compares it with the source)."""

FETCHING = ("email.utils", "requests", "ci_builder.registry.sessions")
"""The same, where something is fetched from a URL."""

_ANY_URL = "https://host.invalid/"


def settle(job: Job, fetches: bool) -> None:
    """Import LATE, and have the authorities for TLS read. ``fetches``: ADD takes something from a URL. Raises
    UsageError for a bundle that is broken."""
    for name in (*LATE, *(FETCHING if fetches else ())):
        importlib.import_module(name)
    if any(is_git(text) for text in job.bases.named.files.values()):
        # Without the program git there is no such module, which whoever clones will tell.
        with contextlib.suppress(ImportError):
            importlib.import_module("git")
    job.bases.registry.settle()
    if fetches:
        job.place.sessions(_ANY_URL)
