"""Making a Situation of the process's environment: the only part of this folder that looks at disks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ci_builder.ci.git_facts import git_facts
from ci_builder.ci.interface import GitFacts, Situation
from ci_builder.untrusted import from_json


def observe(environment: Mapping[str, str], directory: Path) -> Situation:
    """The situation of a job with these variables in ``directory``; git is asked only when needed."""

    @lru_cache(maxsize=1)
    def git() -> GitFacts:
        return git_facts(directory)

    return Situation(
        environment=environment,
        git=git,
        event=_read_event,
        token=secrets.token_hex(16),
        clock=lambda: int(time.time()),
    )


def _read_event(path: str) -> Mapping[str, object]:
    try:
        found = from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # The event only adds facts; those that are needed are in the variables as well.
    return found if isinstance(found, dict) else {}
