"""Whether ``/`` may be replaced by a foreign root file system: only in a container made for that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ci_builder.executors.linux.mount_table import MountPoint
from ci_builder.values import dataclass

PRIVATE_FOLDER = "/ci-builder"
MARKER = "/ci-builder/.image"
# The second one holds kaniko's names for the program and its config.json: a job may build more than once.
KEPT_FOLDERS = (PRIVATE_FOLDER, "/kaniko")
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_ROOTS = ("overlay", "fuse-overlayfs", "fuse.fuse-overlayfs", "aufs")
_HOST_INITS = ("systemd", "init", "launchd", "openrc-init", "runit")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be seen of these surroundings.

    ``marker``: root's marker file of the builder image is there; ``first_process`` is the name of
    process 1; ``container_files`` those that container engines leave; ``root_kind`` the type of the file
    system at ``/``; ``interpreter`` where the running Python lies.
    """

    marker: bool
    first_process: str
    container_files: tuple[str, ...]
    root_kind: str
    interpreter: str


def see(mounts: tuple[MountPoint, ...]) -> Evidence:
    """Look around. Raises OSError."""
    roots = [point.kind for point in mounts if point.path == b"/"]
    return Evidence(
        marker=_is_roots(MARKER),
        first_process=Path("/proc/1/comm").read_text(encoding="utf-8", errors="replace").strip(),
        container_files=tuple(name for name in _CONTAINER_FILES if os.path.exists(name)),
        root_kind=roots[-1] if roots else "",
        interpreter=os.path.realpath(sys.executable),
    )


def objection(evidence: Evidence, allowed: bool) -> str:
    """Why ``/`` must not be replaced, or empty. ``allowed``: the user said that it may be.

    The user's word is not enough on a machine: only a container's root is thrown away afterwards.
    """
    if evidence.marker:
        return ""
    if not allowed:
        return f"this is not the builder image ({MARKER} is missing): / might not be disposable"
    if evidence.first_process in _HOST_INITS:
        return f"process 1 is {evidence.first_process}: this is a machine, not a disposable container"
    if not evidence.container_files and evidence.root_kind not in _CONTAINER_ROOTS:
        return (
            f"/ is {evidence.root_kind or 'unknown'} and no container engine left its file: not a container"
        )
    return ""


def survives(interpreter: str, kept: frozenset[bytes]) -> bool:
    """Whether the running interpreter lies in a folder that is never touched."""
    path = os.fsencode(interpreter)
    return any(path.startswith(folder.rstrip(b"/") + b"/") for folder in kept)


def _is_roots(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return found.st_uid == 0 and os.path.isfile(path) and not os.path.islink(path)
