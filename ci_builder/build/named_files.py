"""The files of named build contexts: folders, archives and repositories."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ci_builder.context.context import Context, Place
from ci_builder.context.opening import open_named_context
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """Contexts by name, each opened when it is first used, and kept as long as the build: a build in place
    that begins anew could not open them again. ``names`` says where each comes from, ``cut`` takes away what
    of it is the build's own. Thread-safe."""

    names: Mapping[str, str]
    place: Place
    cut: Callable[[Context], Context]
    _opened: dict[str, Context] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, name: str) -> Context:
        """Raises ContextError."""
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self.cut(open_named_context(name, self.names[name], self.place))
            return self._opened[name]
