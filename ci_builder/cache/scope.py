"""The names of the caches of one image: for each target, platform and branch one tag."""

from __future__ import annotations

import hashlib

from ci_builder.patterns import pattern
from ci_builder.values import dataclass

LAYERS, MOUNTS = "cache", "mounts"
"""How the tags of a scope begin, each with a dash."""

_UNFIT = pattern(r"[^A-Za-z0-9_.-]+")
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What shares a cache: builds of one ``target`` of one ``image`` (a repository) for one ``platform`` on
    one ``branch``."""

    image: str
    target: str
    platform: str
    branch: str

    @property
    def tag(self) -> str:
        """A tag that no other scope has; people see the parts in it (distribution spec: a tag has at most
        128 characters)."""
        return self._tag(LAYERS)

    @property
    def mounts_tag(self) -> str:
        """The tag for the caches of RUN --mount."""
        return self._tag(MOUNTS)

    def _tag(self, prefix: str) -> str:
        parts = (self.image, self.target, self.platform, self.branch)
        digits = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
        shown = "-".join(_UNFIT.sub("-", part).strip("-.") for part in parts[1:] if part)
        return f"{prefix}-{shown[:_LONGEST].strip('-.')}-{digits}"


def scope_of(tag: str) -> str:
    """What the tags of one scope have in common; other tags stand for themselves."""
    prefix, _, rest = tag.partition("-")
    return rest if rest and prefix in (LAYERS, MOUNTS) else tag
