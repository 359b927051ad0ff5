"""What a build uses and makes, stage by stage, and which layers of caches turn out to be lost."""

from __future__ import annotations

import threading
from collections.abc import Set

from ci_builder.cache.record import Identity, Record
from ci_builder.cache.records import Records
from ci_builder.oci.descriptor import Descriptor


class Noted:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, list[Record]] = {}
        self._made: set[Identity] = set()
        self._lost: set[Identity] = set()
        self._doubted: set[Descriptor] = set()

    def add(self, stage: int, record: Record, *, made: bool = False) -> None:
        """``record`` belongs to the stage of that number. ``made``: its layer is new."""
        with self._lock:
            self._entries.setdefault(stage, []).append(record)
            if made:
                self._made.add(record.identity)

    def of(self, stages: Set[int] | None = None) -> Records:
        """What was used and made in these stages, in their order; None: in every one."""
        with self._lock:
            known = sorted(self._entries.keys() if stages is None else self._entries.keys() & stages)
            return Records(tuple(item for stage in known for item in self._entries[stage]))

    @property
    def made(self) -> frozenset[Identity]:
        """Those that are new."""
        with self._lock:
            return frozenset(self._made)

    def lose(self, record: Record) -> None:
        """Its layer was found and did not come."""
        with self._lock:
            self._lost.add(record.identity)
            self._doubted.add(record.layer.descriptor)

    @property
    def lost(self) -> frozenset[Identity]:
        """Those whose layers did not come, since the last ``begin_again``."""
        with self._lock:
            return frozenset(self._lost)

    @property
    def doubted(self) -> frozenset[Descriptor]:
        """The layers of all that were ever lost."""
        with self._lock:
            return frozenset(self._doubted)

    def begin_again(self) -> frozenset[Identity]:
        """If anything was lost, forget what was noted of the stages, which are made once more. What was."""
        with self._lock:
            lost = frozenset(self._lost)
            self._lost.clear()
            if lost:
                self._entries.clear()
        return lost
