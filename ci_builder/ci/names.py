"""Names of images as a CI makes them up: tags out of branches, repositories out of projects."""

from __future__ import annotations

import re

from ci_builder.patterns import pattern

_ILLEGAL = pattern(r"[^A-Za-z0-9._-]+")
_LONGEST = 128


def image_tag(text: str) -> str:
    """``text`` (a branch, a git tag) as a tag of an image: other characters become ``-``, none of ``.-``
    in front, at most 128 characters; empty if nothing is left."""
    return _ILLEGAL.sub("-", text).lstrip(".-")[:_LONGEST]


def branch_of(text: str) -> str:
    """A branch without ``refs/heads/`` and without the remote that Jenkins puts before it."""
    return text.removeprefix("refs/heads/").removeprefix("refs/remotes/").removeprefix("origin/")


def host_of(text: str) -> str:
    """A registry as people write it (``https://host/v2/``, ``host/``) as in a reference.

    Docker Hub's address for logins becomes ``docker.io``; the path of a path-scoped one is kept.
    """
    host = re.sub(r"^https?://", "", text.strip(), flags=re.IGNORECASE).rstrip("/")
    host = re.sub(r"/v[12]$", "", host)
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io", "hub.docker.com") else host


def tagged(repository: str, tags: list[str]) -> tuple[str, ...]:
    """References to ``repository`` (lower-cased, as registries want it), one for each of ``tags``."""
    return tuple(f"{repository.lower()}:{tag}" for tag in dict.fromkeys(tags) if tag)
