"""What changed in a tree: the noun between the finders (inventory, overlay) and the packer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One path that a layer must mention.

    ``path`` is relative to the root, without leading or trailing slash (``b"usr/bin/env"``); the root
    itself is ``b""``. ``kind``: ``present`` (new or modified: its state is read from the tree when the
    layer is packed), ``absent`` (removed: a whiteout), ``opaque`` (a directory that hides everything
    the layers below have in it; it is ``present`` as well, reported separately).
    """

    path: bytes
    kind: Literal["present", "absent", "opaque"]
