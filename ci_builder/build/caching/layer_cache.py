"""The layers of earlier builds, from all the places that a build looks in, and what it leaves in them.

Nothing that goes wrong in a cache fails a build: it is told once, and that place is left alone (issue 5).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial

from ci_builder.build.background import Background
from ci_builder.build.caching.guarded import Guarded
from ci_builder.cache.inputs import Key
from ci_builder.cache.interface import Cache
from ci_builder.cache.limits import FRESH
from ci_builder.cache.record import Record
from ci_builder.cache.records import Records
from ci_builder.errors import CiBuilderError, OutputError, RegistryError
from ci_builder.oci.descriptor import Descriptor
from ci_builder.progress import Notice, Progress
from ci_builder.values import dataclass, replace

_AT_ONCE = 4
_PART = 24
_ALONG = 60  # seconds of a build between two times that caches are written


@dataclass(frozen=True, slots=True)
class Target:
    """A cache to write to; ``everything``: the layers of all stages (mode=max), else those of the images.
    ``may_be_fixed``: its tag, once written, may be one that cannot be written again."""

    cache: Cache
    everything: bool
    may_be_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """``ttl``: seconds after its last use in which a layer is found, 0: for ever. ``now``: seconds since
    1970. ``final``: the numbers of the stages that layers of the images are made in. ``keeps``: new layers
    are of use to somebody. ``anew``: what caches have is not asked for."""

    ttl: int
    now: Callable[[], int]
    final: Set[int] = frozenset()
    keeps: bool = True
    anew: bool = False

    @property
    def oldest(self) -> int:
        """Layers that were last used before are found no more, and need not be kept. Seconds since 1970."""
        return self.now() - self.ttl if self.ttl else 0

    @property
    def fresh(self) -> int:
        """Seconds after a use in which another one is not written down."""
        return min(FRESH, self.ttl // _PART) if self.ttl else FRESH


class LayerCache:
    """Reads ``sources`` when it is made. Thread-safe but for ``finish``."""

    def __init__(
        self, sources: Sequence[Cache], targets: Sequence[Target], rules: Rules, progress: Progress
    ) -> None:
        self._rules = rules
        self._progress = progress
        self._lock = threading.Lock()
        self._broken: set[int] = set()
        self._silent: set[str] = set()
        self._homes: dict[tuple[Key, str], Cache] = {}
        self._known: dict[Key, list[Record]] = {}
        self._entries: dict[int, list[Record]] = {}
        self._lost: set[tuple[Key, str]] = set()
        self._gone: set[Key] = set()
        self._doubted: set[Descriptor] = set()
        self._made: set[tuple[Key, str]] = set()
        self._targets = tuple(targets)
        self._uploads = Background("cache upload", _AT_ONCE)
        self._written = rules.now()
        self._writes = False
        self.earlier = self._read(sources)
        self._known = self.earlier.by_key()

    @property
    def is_used(self) -> bool:
        """Whether anything is looked for or kept at all."""
        return bool(self._known) or self._rules.keeps

    def find(self, keys: Iterable[Key]) -> Record | None:
        """The latest layer that one of ``keys`` finds."""
        for key in keys:
            for record in self._known.get(key, ()):
                if not self._rules.ttl or self._rules.now() - record.used < self._rules.ttl:
                    return record
        return None

    def lacks(self, records: Sequence[Record]) -> bool:
        """Whether a layer of ``records`` is not where it should be; it is not found again then."""
        there = [False] * len(records)

        def look(number: int) -> Callable[[], None]:
            def ask() -> None:
                there[number] = self._is_there(records[number])

            return ask

        in_threads([look(number) for number in range(len(records))])
        missing = {item.identity for item, found in zip(records, there, strict=True) if not found}
        self._forget(missing)
        return bool(missing)

    def is_gone(self, keys: Iterable[Key]) -> bool:
        """Whether one of ``keys`` found a layer that was not where it should be."""
        return not self._gone.isdisjoint(keys)

    def stays(self, record: Record) -> bool:
        """Whether nothing is written but where it was found."""
        home = str(self._homes[record.identity])
        return all(str(target.cache) == home for target in self._targets)

    def is_due(self, record: Record) -> bool:
        """Whether its use is worth being written down, so that it stays."""
        return self._rules.now() - record.used >= self._rules.fresh

    def use(self, stage: int, record: Record, keys: tuple[Key, ...]) -> None:
        """``record`` was taken for a step of the stage with that number, found or findable by ``keys``."""
        used = self._rules.now() if self.is_due(record) else record.used
        again = _latest(replace(record, keys=keys, used=used), self._known)
        if again.made > record.made:
            # Its other keys may find something later still.
            self._add(stage, again)
            return
        known = tuple(dict.fromkeys((*record.keys, *keys)))
        self._add(stage, replace(record, keys=known, used=used))

    def keep(self, stage: int, record: Record) -> None:
        """A new layer; it goes to the caches while the build goes on."""
        record = _latest(record, self._known)
        self._add(stage, record)
        with self._lock:
            self._made.add(record.identity)
        for number, target in enumerate(self._targets):
            if target.everything and number not in self._broken:
                upload = partial(target.cache.keep, record.layer)
                self._uploads.begin(partial(self._guard, number, upload))
        if self._is_time():
            self._uploads.begin(self._write_along)

    def forget_lost(self) -> bool:
        """After a failure: whether a layer that was found did not come then. It is not found again, and what
        was noted of the stages is forgotten: they are made once more."""
        self._uploads.wait()
        self._uploads.rest()
        with self._lock:
            lost, self._lost = self._lost, set()
            if lost:
                self._entries.clear()
        self._forget(lost)
        return bool(lost)

    def records_of(self, stages: Set[int]) -> Records:
        """What was used and made in these stages."""
        with self._lock:
            known = sorted(self._entries.keys() & stages)
            return Records(tuple(item for stage in known for item in self._entries[stage]))

    def finish(self) -> None:
        """Write down what there is, after a failure as well."""
        self._uploads.wait()
        for number in range(len(self._targets)):
            self._guard(number, partial(self._write_down, number))

    def _is_time(self) -> bool:
        """Whether it is time to write the caches while the build goes on: one that is killed, mostly because
        it took too long, is not to begin at nothing again the next time."""
        with self._lock:
            due = not self._writes and self._rules.now() - self._written >= _ALONG
            self._writes |= due
        return due

    def _write_along(self) -> None:
        again = True
        while again:
            with self._lock:
                self._written, made = self._rules.now(), len(self._made)
            for number in range(len(self._targets)):
                if number not in self._broken:
                    self._write_early(number)
            with self._lock:
                # A slow one: others may have been made since.
                again = len(self._made) > made and self._rules.now() - self._written >= _ALONG
                self._writes = again

    def _write_early(self, number: int) -> None:
        target = self._targets[number]
        try:
            # What is there already will be written anew in any case.
            if not target.may_be_fixed or len(target.cache.read()):
                self._write_down(number, early=True)
        except Exception as error:  # it is tried again at the end, and told then
            if isinstance(error, CiBuilderError) and _is_silence(error):
                self._told(number, error)
                return
            text = f"the cache {target.cache} is not written while the build goes on: {error}"
            self._progress(Notice("debug", text))

    def _write_down(self, number: int, *, early: bool = False) -> None:
        """``early``: new layers only. Others are in a cache already, and may turn out to be lost there: that
        is the build's to find out, which may never need them."""
        target = self._targets[number]
        with self._lock:
            every = set(self._entries)
            made = frozenset(self._made)
        records = self.records_of(every if target.everything else self._rules.final)
        if early:
            records = Records(tuple(record for record in records if record.identity in made))
        if len(records):
            # On the way nothing is left out or given up: what is old by then may have been found just now.
            oldest = 0 if early else self._rules.oldest
            self._write(target.cache, self._after(target.cache, records), oldest)

    def _after(self, cache: Cache, records: Records) -> Records:
        """``records`` as the latest where it was not known when they were made what ``cache`` has. (Times are
        whole seconds.)"""
        if not self._rules.anew:
            return records
        try:
            there = cache.read().by_key()
        except CiBuilderError as error:
            if _is_silence(error):
                raise
            return records  # what cannot be read is replaced, or told by the one who writes
        return Records(tuple(_latest(record, there) for record in records))

    def _write(self, cache: Cache, records: Records, oldest: int) -> None:
        """What turns out to be lost on the way is left out: the next build makes it anew."""
        while True:
            try:
                with self._lock:
                    doubted = frozenset(self._doubted)
                cache.write(records, oldest, doubted)
                return
            except CiBuilderError:
                with self._lock:
                    lost = set(self._lost)
                left = Records(tuple(record for record in records if record.identity not in lost))
                if len(left) in (0, len(records)):
                    raise
                records = left

    def _guard(self, number: int, action: Callable[[], None]) -> None:
        """Do something with the target of that number, unless something went wrong with it before."""
        if number in self._broken:
            return
        try:
            action()
        except CiBuilderError as error:
            self._told(number, error)
        except Exception as error:  # whatever it is, the build goes on, and its end is not waited for
            self._told(number, OutputError(f"{type(error).__name__}: {error}"))

    def _forget(self, identities: Set[tuple[Key, str]]) -> None:
        if not identities:
            return
        with self._lock:
            left = (record for record in self.earlier if record.identity not in identities)
            gone = (record for record in self.earlier if record.identity in identities)
            self._gone.update(key for record in gone for key in record.keys)
            self.earlier = Records(tuple(left))
            self._known = self.earlier.by_key()

    def _add(self, stage: int, record: Record) -> None:
        with self._lock:
            self._entries.setdefault(stage, []).append(record)

    def _read(self, sources: Sequence[Cache]) -> Records:
        """What all know together: keys and uses that one of them has not heard of count as well."""
        found = Records()
        for cache in sources:
            try:
                records = cache.read()
            except CiBuilderError as error:
                self._warn(f"nothing is taken from the cache {cache}{self._also(cache, error)}", error)
                continue
            text = f"cache {cache}: {len(records)} layers" if len(records) else f"no cache yet at {cache}"
            self._progress(Notice("info", text))
            for record in records:
                self._homes.setdefault(record.identity, cache)
            found = found.merged(self._guarded(record) for record in records)
        return found

    def _guarded(self, record: Record) -> Record:
        guarded = Guarded(record.layer.opener, partial(self._lose, record))
        return replace(record, layer=replace(record.layer, opener=guarded.open))

    def _lose(self, record: Record) -> None:
        with self._lock:
            self._lost.add(record.identity)
            self._doubted.add(record.layer.descriptor)

    def _is_there(self, record: Record) -> bool:
        cache = self._homes[record.identity]
        with self._lock:
            if str(cache) in self._silent:
                return False
        try:
            return cache.has(record.layer)
        except CiBuilderError as error:
            with self._lock:
                heard = str(cache) in self._silent
                self._silent.add(str(cache))
            if not heard:
                self._warn(f"nothing more is taken from the cache {cache}{self._also(cache, error)}", error)
            return False

    def _also(self, cache: Cache, error: CiBuilderError) -> str:
        """What is told as well: one that does not answer in time is not waited for again at the end."""
        if not _is_silence(error):
            return ""
        same = {number for number, target in enumerate(self._targets) if str(target.cache) == str(cache)}
        with self._lock:
            self._broken |= same
        return ", nor is it written" if same else ""

    def _told(self, number: int, error: CiBuilderError) -> None:
        with self._lock:
            if number in self._broken:
                return
            self._broken.add(number)
        self._warn(f"the cache {self._targets[number].cache} is not written", error)

    def _warn(self, text: str, error: CiBuilderError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self._progress(Notice("warning", f"{text}: {error}{hint}"))


def _is_silence(error: CiBuilderError) -> bool:
    """Whether no answer came in time."""
    return isinstance(error, RegistryError) and error.code == "TIMEOUT"


def _latest(record: Record, known: Mapping[Key, Sequence[Record]]) -> Record:
    """The same, made after all other layers that its keys find: it is what they are to find from now on."""
    others = (item for key in record.keys for item in known.get(key, ()))
    content = record.layer.diff_id
    last = max((item.made for item in others if item.layer.diff_id != content), default=-1)
    return replace(record, made=max(record.made, last + 1))


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

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(actions)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
