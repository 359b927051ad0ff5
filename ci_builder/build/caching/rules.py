"""What counts as old, as new, and as an image's own in a build's caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from ci_builder.cache.limits import FRESH
from ci_builder.values import dataclass, field

_PART = 24


@dataclass(frozen=True, slots=True)
class Rules:
    """``ttl``: seconds after its last use in which a layer is found, 0: for ever. ``now``: seconds since
    1970. ``final``: the numbers of the stages that layers of the images are made in, ``own``: those of the
    images of a repository, by its name. ``keeps``: new layers are of use to somebody. ``anew``: what caches
    have is not asked for."""

    ttl: int
    now: Callable[[], int]
    final: Set[int] = frozenset()
    own: Mapping[str, Set[int]] = field(default_factory=dict)
    keeps: bool = True
    anew: bool = False

    def stages_in(self, repository: str) -> Set[int]:
        """The stages whose layers may be in a cache there that has those of images only."""
        return self.own.get(repository, self.final)

    @property
    def oldest(self) -> int:
        """Layers that were last used before are found no more, and need not be kept. Seconds since 1970."""
        return self.now() - self.ttl if self.ttl else 0

    @property
    def fresh(self) -> int:
        """Seconds after a use in which another one is not written down."""
        return min(FRESH, self.ttl // _PART) if self.ttl else FRESH
