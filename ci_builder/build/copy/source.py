"""Where COPY takes files from, and which of them a source pattern means."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator

from ci_builder.build.copy.selection import EVERYTHING, Selection
from ci_builder.context.ignore import Ignore
from ci_builder.context.match import match
from ci_builder.errors import ContextError
from ci_builder.rootfs.metadata import Xattrs, all_xattrs, with_recorded
from ci_builder.rootfs.paths import lookup, resolve
from ci_builder.rootfs.tree import Status, Tree
from ci_builder.rootfs.walk import child, sorted_names
from ci_builder.rootfs.xattrs import read_open_xattrs
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class CopySource:
    """A tree to copy from.

    ``name`` is what messages call it, ``ignore`` what .dockerignore leaves out.
    ``keeps_owners``: files of another image keep their owners, those of a build context are root's.
    ``root_mode``: the permissions of its root where they are other ones than the folder's.
    """

    name: str
    tree: Tree
    keeps_owners: bool
    ignore: Ignore = field(default_factory=Ignore)
    root_mode: int | None = None

    def path(self, relative: bytes) -> bytes:
        """The absolute path on disk of ``relative``, which must be free of symbolic links."""
        root = os.fsencode(self.tree.root)
        return root + b"/" + relative if relative else root

    def mode(self, relative: bytes, mode: int) -> int:
        """st_mode of ``relative``, which ``mode`` says for all but the root."""
        return mode if relative or self.root_mode is None else stat.S_IFDIR | self.root_mode

    def xattrs(self, relative: bytes, status: Status) -> Xattrs:
        """The extended attributes of ``relative`` that are copied: of another image all, of a build context
        none, file capabilities among them, as BuildKit has it. Raises OSError."""
        return all_xattrs(-100, self.path(relative), status) if self.keeps_owners else ()

    def open_xattrs(self, descriptor: int, status: Status) -> Xattrs:
        """The same of an open file."""
        return with_recorded(read_open_xattrs(descriptor), status) if self.keeps_owners else ()

    def children(self, relative: bytes) -> Iterator[bytes]:
        """Sorted names in a directory, without those that are not visible."""
        folder = relative.rstrip(b"/")
        for name in sorted_names(os.fsdecode(self.path(folder))):
            path = child(folder, name)
            if self.tree.holds_back(path):
                continue
            if not self.ignore.excludes(path) or self._shows_more(path):
                yield name

    def visible(self, relative: bytes) -> bool:
        """Whether ``relative`` is there for COPY: not left out, or a directory with something that is not."""
        if self.tree.holds_back(relative):
            return False
        if not self.ignore.excludes(relative):
            return os.path.lexists(self.path(relative))
        return self._shows_more(relative)

    def _shows_more(self, relative: bytes) -> bool:
        """Whether what is left out is a directory with something that is not."""
        if self.ignore.prunes(relative):
            return False
        try:
            mode = os.lstat(self.path(relative)).st_mode
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(mode) and any(True for _ in self.children(relative))


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to copy: ``path`` with every symbolic link followed, and the ``name`` it was asked by.
    ``by_wildcard``: the Dockerfile did not name it itself."""

    path: bytes
    name: bytes
    status: os.stat_result
    by_wildcard: bool = False


def find(origin: CopySource, pattern: str, selection: Selection = EVERYTHING) -> list[Found]:
    """What a source pattern of COPY means, in the order of its paths.

    ``..`` cannot leave it, symbolic links are followed inside it, wildcards are Go's
    filepath.Match (Dockerfile reference, "COPY"). Wildcards may match nothing, as in BuildKit, but the
    folder that they are looked for in must be there, and so must what they match, unless the ``selection``
    leaves it out. Raises ContextError for what is not.
    """
    clean = posixpath.normpath("/" + pattern.lstrip("/"))[1:]
    wanted = os.fsencode(clean)
    fixed, wild = _split_wildcards(wanted)
    if wild and fixed and _follow(origin, fixed, wild=False) is None:
        raise _missing(origin, fixed)
    candidates = [wanted] if not wild else list(_matches(origin, resolve(origin.tree, fixed), wild))
    found = []
    for path in candidates:
        item = _follow(origin, path, bool(wild))
        if item is not None:
            found.append(item)
        elif not wild or (origin.visible(path) and not selection.leaves_out(posixpath.basename(path))):
            raise _missing(origin, path)  # a link that leads nowhere is a match as well
    if not wild and any(stat.S_ISSOCK(item.status.st_mode) for item in found):
        raise ContextError(f'"/{os.fsdecode(wanted)}" in {origin.name} is a socket: it cannot be copied')
    return found


def _missing(origin: CopySource, path: bytes) -> ContextError:
    why = _why_not(origin, path)
    hint = "" if why else _near(origin, path)
    return ContextError(f'"/{os.fsdecode(path)}" is not in {origin.name}{why}', hint=hint)


def check_below(origin: CopySource, top: str, below: str) -> None:
    """COPY --parents of what has no wildcards must find it, and goes through no symbolic link below the
    pivot. Raises ContextError."""
    if _is_wild(os.fsencode(top)) or _is_wild(os.fsencode(below)):
        return
    find(origin, f"{top}/{below}")
    start = resolve(origin.tree, os.fsencode(top))
    wanted = posixpath.normpath(posixpath.join(start, os.fsencode(below)))
    real = resolve(origin.tree, wanted, follow_last=False) or b"."
    if real != wanted:
        raise ContextError(
            f'--parents: "{below}" goes through a symbolic link in {origin.name}',
            hint=f"name it where it really is: /{os.fsdecode(real)}",
        )


def _follow(origin: CopySource, path: bytes, wild: bool) -> Found | None:
    followed = resolve(origin.tree, path)
    status = lookup(origin.tree, followed, follow=False)
    if status is None or not (followed == b"" or origin.visible(followed)):
        return None
    return Found(followed, posixpath.basename(path), status, by_wildcard=wild)


def _split_wildcards(path: bytes) -> tuple[bytes, bytes]:
    parts = path.split(b"/")
    for number, part in enumerate(parts):
        if _is_wild(part):
            return b"/".join(parts[:number]), b"/".join(parts[number:])
    return path, b""


def _is_wild(part: bytes) -> bool:
    # A backslash only quotes: without a real wildcard beside it, it is one of the name, as in BuildKit.
    return any(byte in b"*?[" for byte in part)


def _matches(origin: CopySource, base: bytes, pattern: bytes) -> Iterator[bytes]:
    status = lookup(origin.tree, base, follow=False)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return
    yield from _walk_matches(origin, base, b"", os.fsdecode(pattern), pattern.count(b"/"))


def _walk_matches(origin: CopySource, base: bytes, below: bytes, pattern: str, depth: int) -> Iterator[bytes]:
    for name in origin.children(posixpath.join(base, below)):
        relative = posixpath.join(below, name)
        path = posixpath.join(base, relative)
        if match(pattern, os.fsdecode(relative)):
            yield path
        elif depth and stat.S_ISDIR(os.lstat(origin.path(path)).st_mode):
            yield from _walk_matches(origin, base, relative, pattern, depth - 1)


def _why_not(origin: CopySource, path: bytes) -> str:
    real = resolve(origin.tree, path, follow_last=False)
    if lookup(origin.tree, path) is not None:
        what = "it" if real == resolve(origin.tree, path) else "what the symbolic link leads to"
        return f" (.dockerignore leaves {what} out)"
    if lookup(origin.tree, real, follow=False) is None:
        return ""
    return f" (a symbolic link to {os.fsdecode(os.readlink(origin.path(real)))!r}, which is not there)"


def _near(origin: CopySource, path: bytes) -> str:
    folder = resolve(origin.tree, posixpath.dirname(path))
    status = lookup(origin.tree, folder, follow=False)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return ""
    wanted = posixpath.basename(path).lower()
    near = next((name for name in origin.children(folder) if name.lower() == wanted), None)
    return "" if near is None else f"did you mean {os.fsdecode(near)!r}?"
