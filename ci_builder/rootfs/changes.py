"""What changed in a tree: the noun between the finders (inventory, overlay) and the packer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from ci_builder.packed import Packed, packed
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass

Kind = Literal["present", "absent", "opaque"]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One path that a layer must mention.

    ``path`` is relative to the root, without leading or trailing slash (``b"usr/bin/env"``); the root
    itself is ``b""``. ``kind``: ``present`` (new or modified: its state is read from the tree when the
    layer is packed), ``absent`` (removed: a whiteout), ``opaque`` (a directory that hides everything
    the layers below have in it; it is ``present`` as well, reported separately).
    """

    path: bytes
    kind: Kind


_HIDES = b"\0\0"


class Changes(Collection[Change]):
    """Changes as a layer has them: each once, directories before what is in them, whiteouts before what is
    new in their directory, else by name; never the root. A million takes a few megabytes.

    ``kept_in``: a tree that has those that are present as they are now, whatever becomes of the tree that
    they were found in; None where there is no such thing.
    """

    __slots__ = ("_keys", "kept_in")

    def __init__(self, keys: Packed, kept_in: Tree | None = None) -> None:
        self._keys = keys
        self.kept_in = kept_in

    @staticmethod
    def of(changes: Iterable[Change]) -> Changes:
        """``changes`` in their order."""
        if isinstance(changes, Changes):
            return changes
        return Changes.of_keys(key_of(change) for change in changes if change.path)

    @staticmethod
    def of_keys(keys: Iterable[bytes]) -> Changes:
        """The changes that ``keys`` stand for."""
        return Changes(packed(keys))

    def staying_in(self, tree: Tree) -> Changes:
        """The same, kept in ``tree``."""
        return Changes(self._keys, tree)

    @property
    def hides(self) -> bool:
        """Whether a directory hides what the layers below have in it."""
        return any(key.endswith(_HIDES) for key in self._keys)

    def without(self, paths: Collection[bytes]) -> Changes:
        """All but those of ``paths`` that are present."""
        if not paths:
            return self
        return Changes.of(item for item in self if item.kind != "present" or item.path not in paths)

    def __iter__(self) -> Iterator[Change]:
        return map(_change, self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, item: object) -> bool:
        return any(item == other for other in self)


NO_CHANGES = Changes.of(())


def key_of(change: Change) -> bytes:
    """What stands for a change, whose path is not empty. Keys sort as changes do."""
    # A zero byte sorts before every byte of a name, so that a directory's own entries follow it. As no name
    # has one, or is empty, the key tells path and kind.
    path = change.path.replace(b"/", b"\0")
    if change.kind == "present":
        return path
    if change.kind == "opaque":
        return path + _HIDES
    parent, _, name = path.rpartition(b"\0")
    return parent + b"\0\0" + name


def present_keys(folder: bytes, names: Iterable[bytes]) -> Iterator[bytes]:
    """The keys of ``names`` in ``folder``, all of them present."""
    start = folder.replace(b"/", b"\0") + b"\0" if folder else b""
    return (start + name for name in names)


def _change(key: bytes) -> Change:
    parent, marked, name = key.partition(b"\0\0")
    path = parent.replace(b"\0", b"/")
    if not marked:
        return Change(path, "present")
    if not name:
        return Change(path, "opaque")
    return Change(path + b"/" + name if path else name, "absent")
