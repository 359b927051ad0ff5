"""The names of the isolations, and which executors each tries."""

from __future__ import annotations

AUTO = "auto"
# In the order of ``auto``.
AVAILABLE = ("none", "namespace", "in-place", "ptrace", "chroot")
NAMES = (AUTO, *AVAILABLE)
# Never taken by ``auto``: commands miss too much there.
_ON_REQUEST = ("chroot",)


def is_wanted(name: str, isolation: str) -> bool:
    """Whether the executor ``name`` is tried for this isolation."""
    return name == isolation or (isolation == AUTO and name not in _ON_REQUEST)
