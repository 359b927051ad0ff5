"""Trees of the tests: who owns them on this machine, and layers applied to them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci_builder.rootfs.ownership import KernelOwnership, RecordedOwnership
from ci_builder.rootfs.tree import Ownership, Tree
from ci_builder.rootfs.unpack import unpack
from tests.unit.rootfs.tars import Member, tar


def ownership() -> Ownership:
    """The kernel's for root, else a record: the same tests run as anybody."""
    return KernelOwnership() if os.geteuid() == 0 else RecordedOwnership(os.geteuid(), os.getegid())


def new_tree(folder: Path, *untouchable: bytes) -> Tree:
    """An empty tree in ``folder``, which is made."""
    folder.mkdir()
    return Tree(str(folder), ownership(), frozenset(untouchable))


def apply(tree: Tree, *members: Member) -> None:
    """Apply one layer of ``members``."""
    unpack([tar(*members)], tree)


@contextmanager
def folder_for_deep_trees() -> Iterator[Path]:
    """A folder whose removal does not end in a RecursionError, as pytest's own would."""
    folder = tempfile.mkdtemp(prefix="deep-")
    try:
        yield Path(folder)
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)
