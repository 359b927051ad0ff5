"""Which files below a source are copied: COPY --exclude and --parents."""

from __future__ import annotations

import os

from ci_builder.context.ignore import Ignore, of_patterns
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Selection:
    """``below``: the pattern that a path or a directory above it has to match, empty for every path;
    ``excludes``: what is left out. Both have the meaning of .dockerignore's patterns, and paths count
    from the source."""

    below: str = ""
    excludes: Ignore = field(default_factory=Ignore)
    _wanted: Ignore = field(default_factory=Ignore, repr=False)

    @staticmethod
    def of(excludes: tuple[str, ...] = (), below: str = "") -> Selection:
        """Raises InvalidValue."""
        below = "" if below == "." else below
        return Selection(below, of_patterns(excludes), of_patterns([below]))

    def leaves_out(self, path: bytes) -> bool:
        """Whether ``path`` is excluded."""
        return bool(self.excludes.patterns) and self.excludes.excludes(path)

    def takes(self, path: bytes) -> bool:
        """Whether ``path`` itself is copied."""
        if self.leaves_out(path):
            return False
        return not self.below or self._wanted.excludes(path)

    def enters(self, directory: bytes) -> bool:
        """Whether something in ``directory`` may be copied."""
        if self.excludes.patterns and self.excludes.prunes(directory):
            return False
        if not self.below or self._wanted.excludes(directory):
            return True
        name = os.fsdecode(directory)
        return any(pattern.may_match_below(name) for pattern in self._wanted.patterns)


EVERYTHING = Selection()
