"""The layers of earlier builds, from all the places that a build looks in, and what it leaves in others.

Nothing that goes wrong in a cache fails a build: it is told once, and that place is left alone (issue 5).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial

from ci_builder.build.caching.guarded import Guarded
from ci_builder.build.caching.noted import Noted
from ci_builder.build.caching.rules import Rules
from ci_builder.build.caching.writing import Target, Writing, is_silence, latest
from ci_builder.build.warning import warning
from ci_builder.cache.inputs import Key
from ci_builder.cache.interface import Cache
from ci_builder.cache.record import Identity, Record
from ci_builder.cache.records import Records
from ci_builder.meanwhile import meanwhile
from ci_builder.oci.layer import Layer
from ci_builder.progress import Notice, Progress
from ci_builder.values import replace

_AT_ONCE = 4


class LayerCache:
    """Reads ``sources`` when it is made. Thread-safe but for ``finish``.

    ``earlier`` is what is known of layers that may be found, ``gone`` of those that turned out to be in no
    cache any more. ``unread``: a cache could not be read.
    """

    def __init__(
        self, sources: Sequence[Cache], targets: Sequence[Target], rules: Rules, progress: Progress
    ) -> None:
        self._rules = rules
        self._progress = progress
        self._lock = threading.Lock()
        self._silent: set[str] = set()
        self._failed: set[str] = set()
        self._homes: dict[Identity, list[tuple[Cache, Layer]]] = {}
        self.gone = Records()
        self._gone_keys: dict[Key, int] = {}  # with the time at which their latest lost layer was made
        self.unread = False
        self._noted = Noted()
        self._written_to = frozenset(str(target.cache) for target in targets)
        self._writing = Writing(targets, rules, self._noted, progress)
        self.earlier = self._read(sources)
        self._known = self.earlier.by_key()
        self.began_empty = not len(self.earlier)

    @property
    def is_used(self) -> bool:
        """Whether anything is looked for or kept at all."""
        return bool(self._known) or self._rules.keeps

    def find(self, keys: Iterable[Key]) -> Record | None:
        """The latest layer that one of ``keys`` finds; none that is older than one whose layer is gone: that
        was to take its place."""
        for key in keys:
            for record in self._known.get(key, ()):
                if record.made <= self._gone_keys.get(key, -1):
                    break
                if not self._rules.ttl or self._rules.now() - record.used < self._rules.ttl:
                    return record
        return None

    def lacks(self, records: Sequence[Record]) -> bool:
        """Whether a layer of ``records`` is not where it should be. It is found again only where another
        cache knows of it as well."""
        missing: dict[Identity, Cache] = {}

        def look(identity: Identity) -> Callable[[], None]:
            def ask() -> None:
                cache, layer = self._homes[identity][0]
                if not self._is_there(cache, layer):
                    missing[identity] = cache

            return ask

        in_threads([look(identity) for identity in dict.fromkeys(record.identity for record in records)])
        self._forget(missing)
        return bool(missing)

    def is_gone(self, keys: Iterable[Key]) -> bool:
        """Whether one of ``keys`` found a layer that was not where it should be."""
        return any(key in self._gone_keys for key in keys)

    def stays(self, record: Record) -> bool:
        """Whether nothing is written but where it was found."""
        return self._written_to <= {str(self._homes[record.identity][0][0])}

    def is_due(self, record: Record) -> bool:
        """Whether its use is worth being written down, so that it stays."""
        return self._rules.now() - record.used >= self._rules.fresh

    def use(self, stage: int, record: Record, keys: tuple[Key, ...]) -> None:
        """``record`` was taken for a step of the stage with that number, found or findable by ``keys``."""
        used = self._rules.now() if self.is_due(record) else record.used
        again = latest(replace(record, keys=keys, used=used), self._known)
        if again.made > record.made:
            # Its other keys may find something later still.
            self._noted.add(stage, again)
            return
        known = tuple(dict.fromkeys((*record.keys, *keys)))
        self._noted.add(stage, replace(record, keys=known, used=used))

    def keep(self, stage: int, record: Record) -> None:
        """A new layer; it goes to the caches while the build goes on."""
        record = latest(record, self._known)
        self._noted.add(stage, record, made=True)
        self._writing.keep(record.layer)

    def forget_lost(self, error: Exception) -> bool:
        """After an ``error``: whether a layer that was found did not come then. It is not found again, nor is
        anything else of a cache that failed before or gave no answer in time; and what was noted of the
        stages is forgotten: they are made once more."""
        self._writing.settle()
        lost = self._noted.begin_again()
        missing = {identity: self._homes[identity][0][0] for identity in lost}
        failing = {str(cache) for cache in missing.values()}
        left_alone = failing if is_silence(error) else failing & self._failed
        self._failed |= failing
        for identity, homes in self._homes.items():
            if str(homes[0][0]) in left_alone:
                missing[identity] = homes[0][0]
        self._forget(missing)
        return bool(lost)

    def records_of(self, stages: Set[int]) -> Records:
        """What was used and made in these stages."""
        return self._noted.of(stages)

    def finish(self) -> None:
        """Write down what there is, after a failure as well."""
        self._writing.finish()

    def _forget(self, missing: Mapping[Identity, Cache]) -> None:
        """Those layers are ``missing`` in these caches."""
        if not missing:
            return
        left, gone = [], []
        with self._lock:
            for record in self.earlier:
                homes = self._homes[record.identity]
                if missing.get(record.identity) is homes[0][0] and len(homes) > 1:
                    del homes[0]
                    left.append(replace(record, layer=homes[0][1]))
                elif missing.get(record.identity) is homes[0][0]:
                    gone.append(record)
                else:
                    left.append(record)
            self.gone = self.gone.merged(gone)
            for record in gone:
                for key in record.keys:
                    self._gone_keys[key] = max(record.made, self._gone_keys.get(key, -1))
            self.earlier = Records(tuple(left))
            self._known = self.earlier.by_key()

    def _read(self, sources: Sequence[Cache]) -> Records:
        """What all know together: keys and uses that one of them has not heard of count as well."""
        found = Records()
        for cache in sources:
            try:
                records = cache.read()
            except Exception as error:  # whatever it is, the build goes on
                self._tell("nothing is taken", cache, error)
                self.unread = True
                continue
            text = f"cache {cache}: {len(records)} layers" if len(records) else f"no cache yet at {cache}"
            self._progress(Notice("info", text))
            guarded = [self._guarded(record) for record in records]
            for record in guarded:
                self._homes.setdefault(record.identity, []).append((cache, record.layer))
            found = found.merged(guarded)
        return found

    def _guarded(self, record: Record) -> Record:
        guarded = Guarded(record.layer.opener, partial(self._noted.lose, record))
        return replace(record, layer=replace(record.layer, opener=guarded.open))

    def _is_there(self, cache: Cache, layer: Layer) -> bool:
        with self._lock:
            if str(cache) in self._silent:
                return False
        try:
            return cache.has(layer)
        except Exception as error:  # as above
            with self._lock:
                heard = str(cache) in self._silent
                self._silent.add(str(cache))
            if not heard:
                self._tell("nothing more is taken", cache, error)
            return False

    def _tell(self, what: str, cache: Cache, error: Exception) -> None:
        # One that does not answer in time is not waited for again at the end.
        also = is_silence(error) and self._writing.leave_alone(cache)
        text = f"{what} from the cache {cache}{', nor is it written' if also else ''}"
        self._progress(warning(text, error))


def in_threads(actions: Sequence[Callable[[], None]]) -> None:
    """Do all, some at a time, and leave no thread behind: a namespace is entered by a process of one
    thread."""
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    for action in actions:
        waiting.put(action)

    def work() -> None:
        while True:
            try:
                action = waiting.get_nowait()
            except queue.Empty:
                return
            action()

    ends = [meanwhile(work) for _ in range(min(_AT_ONCE, len(actions)))]
    work()
    for end in ends:
        end()
