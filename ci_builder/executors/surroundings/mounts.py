"""What is mounted in these surroundings, and what kind of a root they have."""

from __future__ import annotations

import os

from ci_builder.executors.disposable import Evidence, see
from ci_builder.executors.linux.mount_table import MountPoint, read_mounts
from ci_builder.rootfs.tree import KERNEL_FOLDERS
from ci_builder.values import dataclass

_NOT_OF_THE_IMAGE = tuple(b"/" + name for name in KERNEL_FOLDERS)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A mount point that no build may touch: in place, nothing below it can be part of the image."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Container:
    """``mounts`` without the kernel's own below /proc, /sys and /dev; the last one at a path counts."""

    evidence: Evidence
    mounts: tuple[Foreign, ...]


def container() -> Container:
    """Look around. Raises OSError."""
    mounts = read_mounts()
    return Container(see(mounts), foreign(mounts))


def foreign(mounts: tuple[MountPoint, ...]) -> tuple[Foreign, ...]:
    """Those of ``mounts`` that are neither the root nor the kernel's, by path."""
    kinds = {point.path: point.kind for point in mounts if point.path != b"/" and not _kernels(point.path)}
    return tuple(Foreign(os.fsdecode(path), kind) for path, kind in sorted(kinds.items()))


def _kernels(path: bytes) -> bool:
    return any(path == top or path.startswith(top + b"/") for top in _NOT_OF_THE_IMAGE)
