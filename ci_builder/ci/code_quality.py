"""Warnings as GitLab's code quality report, which merge requests show beside the lines.

Source: GitLab's "Code Quality", "Code Quality report format".
"""

from __future__ import annotations

import hashlib

from ci_builder.ci.told import as_json, dockerfile_path
from ci_builder.progress import Notice
from ci_builder.request import Request


def code_quality(request: Request, warnings: tuple[Notice, ...]) -> str:
    """The report, an empty array when there are none. Warnings about a Dockerfile that does not lie in the
    checkout have no place in it."""
    placed = [(warning, dockerfile_path(request, warning.file)) for warning in warnings]
    return as_json([_issue(warning, path) for warning, path in placed if path]) + "\n"


def _issue(warning: Notice, path: str) -> dict[str, object]:
    identity = "\0".join((path, str(warning.line), warning.text))
    return {
        "description": warning.text,
        "check_name": warning.title or "ci_builder",
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "severity": "minor",
        "location": {"path": path, "lines": {"begin": warning.line}},
    }
