"""The adapters, and which of them is meant."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.generic import Generic
from ci_builder.ci.github import GitHub
from ci_builder.ci.gitlab import GitLab
from ci_builder.ci.interface import Adapter
from ci_builder.ci.jenkins import Jenkins

ADAPTERS: tuple[Adapter, ...] = (GitHub(), GitLab(), Jenkins(), Generic())
"""In the order in which they are asked; the last one always matches."""


def detect(environment: Mapping[str, str]) -> Adapter:
    """The adapter of the CI system that these variables are from."""
    return next(adapter for adapter in ADAPTERS if adapter.matches(environment))
