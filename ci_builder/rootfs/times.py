"""What times the files of a layer get: their own, or none after SOURCE_DATE_EPOCH."""

from __future__ import annotations

from ci_builder.values import dataclass

_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Times:
    """``latest``: no file is newer than this (seconds since 1970), as BuildKit's rewrite-timestamp does;
    ``all``: every file has this time, as BuildKit's local and tar exporters do. None changes nothing."""

    latest: int | None = None
    all: int | None = None

    def of(self, mtime_ns: int) -> int:
        """The time in nanoseconds for a file that has ``mtime_ns``."""
        if self.all is not None:
            return self.all * _SECOND
        if self.latest is not None:
            return min(mtime_ns, self.latest * _SECOND)
        return mtime_ns


KEPT = Times()
