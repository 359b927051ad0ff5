"""What of a build context is the build's own, and no part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from ci_builder.cache.folder import LOCK, NAMES
from ci_builder.context.context import Context
from ci_builder.executors.private_folder import NAMES as OF_BUILDS
from ci_builder.layout.reader import LAYOUT
from ci_builder.layout.writer import UNFINISHED
from ci_builder.values import replace


def without_own_folders(context: Context, folder: Path, caches: Iterable[Path]) -> Context:
    """A context without the build's own ``folder`` and its ``caches``, wherever people want those to be: the
    one before would be a part of the next one. Nor what is there only for them."""
    places = {cache.resolve() for cache in caches if _may_be_folder(cache)}
    inside = {path for path in places if path == context.root or context.root in path.parents}
    own = {part for path in inside for part in _parts(path, path == context.root)}
    own |= {folder.resolve()} if context.root in folder.resolve().parents else set()
    for path in tuple(own):
        for above in path.parents:
            if above == context.root or not _holds_only(above, own):
                break
            own.add(above)
    ignore = context.ignore
    temporary = folder.resolve().parent
    if temporary == context.root or context.root in temporary.parents:
        # Those of other builds, too, which hold their logins.
        relative = temporary.relative_to(context.root)
        ignore = ignore.without_names("" if temporary == context.root else str(relative), OF_BUILDS)
    for path in sorted(own):
        ignore = ignore.without(str(path.relative_to(context.root)))
    return replace(context, ignore=ignore)


def _parts(folder: Path, is_context: bool) -> set[Path]:
    """What of a folder is the build's: all of it where there is nothing else in it or nobody may look, of one
    that was there before what a cache puts into it."""
    try:
        held = list(folder.iterdir())
    except FileNotFoundError:
        held = []
    except OSError:
        return set() if is_context else {folder}
    own = {entry for entry in held if entry.name in NAMES or entry.name.startswith(UNFINISHED)}
    if not is_context and len(own) == len(held):
        return {folder}
    # What is not there yet may be there before the files are copied: a long build writes on the way.
    to_come = {folder / name for name in NAMES} - set(held)
    return to_come | own if folder / LAYOUT in own else to_come | {folder / LOCK}


def _may_be_folder(path: Path) -> bool:
    """One that may not be looked for is none of the context's."""
    try:
        return not path.is_file()
    except OSError:
        return False


def _holds_only(folder: Path, own: Collection[Path]) -> bool:
    """Whether nothing else is in it, or it is not there yet."""
    try:
        return all(entry in own for entry in folder.iterdir())
    except FileNotFoundError:
        return True
    except OSError:
        return False
