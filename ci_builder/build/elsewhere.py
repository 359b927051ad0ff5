"""Where a build may put what its temporary folder does not take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def places(folders: Iterable[Path], contexts: Iterable[Path]) -> tuple[Path, ...]:
    """``folders`` without links and in their order, for each that is not there the nearest one above it;
    never one in a build context, whose files a build must find as they are."""
    kept = [context.resolve() for context in contexts]
    found: dict[Path, None] = {}
    for folder in folders:
        place = folder.absolute()
        while not place.is_dir() and place != place.parent:
            place = place.parent
        real = place.resolve()
        if not any(real.is_relative_to(context) for context in kept):
            found[real] = None
    return tuple(found)
