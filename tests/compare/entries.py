"""What a file system is for a comparison: plain values, independent of ci_builder."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. ``kind`` is file, directory, symlink, character, block or fifo; ``content`` the sha256 of
    a file, ``size`` its bytes, ``target`` a symlink's text, ``device`` major and minor. ``modified`` is in
    whole seconds and is compared only on request."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    content: str = ""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, bytes], ...] = ()
    modified: int = field(default=0, compare=False)

    def differences(self, other: Entry) -> list[str]:
        """``what: mine != other's`` for each part that differs."""
        found = []
        for name in ("kind", "uid", "gid", "size", "content", "target", "device", "xattrs"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                found.append(f"{name}: {mine!r} != {theirs!r}")
        if self.mode != other.mode:
            found.append(f"mode: {self.mode:04o} != {other.mode:04o}")
        return found


@dataclass(frozen=True, slots=True)
class Filesystem:
    """Path (no leading slash, no dot) -> entry, and the groups of paths that are one file.

    ``faults`` are entries of layers that break the image specification's rules: a parent that is no
    folder, a link to nothing, a whiteout of nothing.
    """

    entries: dict[str, Entry]
    links: frozenset[frozenset[str]]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """An image as it is compared: its files and the JSON of its configuration."""

    files: Filesystem
    config: dict[str, object]
