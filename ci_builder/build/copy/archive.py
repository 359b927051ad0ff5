"""ADD of a local tar archive: its files go into the destination (Dockerfile reference, "ADD")."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from ci_builder.build.copy.place import make_directories, resolve_target
from ci_builder.build.copy.source import CopySource, Found
from ci_builder.build.copy.transfer import Placement
from ci_builder.errors import ImageError
from ci_builder.rootfs.decompress import decompressed
from ci_builder.rootfs.tar_reader import TarReader
from ci_builder.rootfs.tree import Tree
from ci_builder.rootfs.unpack import unpack


def unpack_archive(found: Found, origin: CopySource, placement: Placement, destination: bytes) -> bool:
    """Unpack ``found`` below ``destination`` when its content is a tar, compressed or not.

    What it is decides its content, not its name. Files keep the owners that the archive gives them unless
    there is a --chown, and always their permissions, as in BuildKit. Names and links in it cannot lead out
    of the destination. Returns False, with nothing done, for everything else. Raises ImageError for a tar
    that is broken further on.
    """
    if not stat.S_ISREG(found.status.st_mode):
        return False
    path = origin.path(found.path)
    if not _is_tar(path):
        return False
    target = resolve_target(placement.tree, destination)
    make_directories(placement, target)
    with _open(path) as stream:
        unpack(decompressed(stream), _below(placement, target), whiteouts=False, owner=placement.owner)
    return True


def _is_tar(path: bytes) -> bool:
    with _open(path) as stream:
        try:
            return next(iter(TarReader(decompressed(stream))), None) is not None
        except ImageError:
            return False


def _open(path: bytes) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb", buffering=0)


def _below(placement: Placement, target: bytes) -> Tree:
    """The folder ``target`` as a tree of its own."""
    tree = placement.tree
    prefix = b"/" + target if target else b""
    held = frozenset(path[len(prefix) :] for path in tree.untouchable if path.startswith(prefix + b"/"))
    root = os.path.join(os.fsencode(tree.root), target).rstrip(b"/") or b"/"
    return Tree(os.fsdecode(root), tree.ownership, held)
