"""The caches that a build writes: while it goes on, and at its end.

Nothing that goes wrong in a cache fails a build: it is told once, and that place is left alone (issue 5).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ci_builder.build.background import Background
from ci_builder.build.caching.noted import Noted
from ci_builder.build.caching.rules import Rules
from ci_builder.build.warning import warning
from ci_builder.cache.inputs import Key
from ci_builder.cache.interface import Cache
from ci_builder.cache.record import Record
from ci_builder.cache.records import Records
from ci_builder.errors import CiBuilderError, RegistryError
from ci_builder.oci.layer import Layer
from ci_builder.progress import Notice, Progress
from ci_builder.values import dataclass, replace

_AT_ONCE = 4
_ALONG = 60  # seconds of a build between two times that caches are written


@dataclass(frozen=True, slots=True)
class Target:
    """A cache to write to, in a registry that one of that name; ``everything``: the layers of all stages
    (mode=max), else those of the images, and in a repository of images theirs only.
    ``may_be_fixed``: its tag, once written, may be one that cannot be written again."""

    cache: Cache
    everything: bool
    repository: str = ""
    may_be_fixed: bool = False


class Writing:
    """Writes what is ``noted`` to the ``targets``. Thread-safe but for ``finish``."""

    def __init__(self, targets: Sequence[Target], rules: Rules, noted: Noted, progress: Progress) -> None:
        self._targets = tuple(targets)
        self._rules = rules
        self._noted = noted
        self._progress = progress
        self._lock = threading.Lock()
        self._broken: set[int] = set()
        self._uploads = Background("cache upload", _AT_ONCE)
        self._written = rules.now()
        self._writes = False

    def keep(self, layer: Layer) -> None:
        """A new one, which was noted: it goes to the caches while the build goes on."""
        for number, target in enumerate(self._targets):
            if target.everything:
                self._uploads.begin(partial(self._attempt, number, partial(target.cache.keep, layer)))
        if self._is_time():
            self._uploads.begin(self._write_along)

    def settle(self) -> None:
        """Wait for what was begun, and leave no thread behind."""
        self._uploads.wait()
        self._uploads.rest()

    def finish(self) -> None:
        """Write down what there is, after a failure as well."""
        self._uploads.wait()
        for number in range(len(self._targets)):
            self._attempt(number, partial(self._write_down, number))

    def leave_alone(self, cache: Cache) -> bool:
        """Do not write to a ``cache`` from now on. Whether it would have been written."""
        same = {number for number, target in enumerate(self._targets) if str(target.cache) == str(cache)}
        with self._lock:
            self._broken |= same
        return bool(same)

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
                self._written = self._rules.now()
            made = len(self._noted.made)
            for number in range(len(self._targets)):
                self._attempt(number, partial(self._write_early, number), early=True)
            # A slow one: others may have been made since.
            with self._lock:
                again = len(self._noted.made) > made and self._rules.now() - self._written >= _ALONG
                self._writes = again

    def _write_early(self, number: int) -> None:
        target = self._targets[number]
        # What is there already will be written anew in any case.
        if not target.may_be_fixed or len(target.cache.read()):
            self._write_down(number, early=True)

    def _write_down(self, number: int, *, early: bool = False) -> None:
        """``early``: new layers only. Others are in a cache already, and may turn out to be lost there: that
        is the build's to find out, which may never need them."""
        target = self._targets[number]
        # What is made meanwhile is written the next time.
        made = self._noted.made
        stages = None if target.everything else self._rules.stages_in(target.repository)
        records = self._noted.of(stages)
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
            if is_silence(error):
                raise
            return records  # what cannot be read is replaced, or told by the one who writes
        return Records(tuple(latest(record, there) for record in records))

    def _write(self, cache: Cache, records: Records, oldest: int) -> None:
        """What turns out to be lost on the way is left out: the next build makes it anew."""
        while True:
            try:
                cache.write(records, oldest, self._noted.doubted)
                return
            except CiBuilderError:
                lost = self._noted.lost
                left = Records(tuple(record for record in records if record.identity not in lost))
                if len(left) in (0, len(records)):
                    raise
                records = left

    def _attempt(self, number: int, action: Callable[[], None], *, early: bool = False) -> None:
        """Do something with the target of that number, unless something went wrong with it before. What goes
        wrong ``early`` is tried again at the end, and told then."""
        if number in self._broken:
            return
        cache = self._targets[number].cache
        try:
            action()
        except Exception as error:  # whatever it is, the build goes on, and its end is not waited for
            if early and not is_silence(error):
                text = f"the cache {cache} is not written while the build goes on: {error}"
                self._progress(Notice("debug", text))
            elif self._breaks(number):
                self._progress(warning(f"the cache {cache} is not written", error))

    def _breaks(self, number: int) -> bool:
        """Whether the target of that number was not broken before."""
        with self._lock:
            before = number in self._broken
            self._broken.add(number)
        return not before


def is_silence(error: Exception) -> bool:
    """Whether no answer came in time."""
    return isinstance(error, RegistryError) and error.code == "TIMEOUT"


def latest(record: Record, known: Mapping[Key, Sequence[Record]]) -> Record:
    """The same, made after all other layers that its keys find: it is what they are to find from now on."""
    others = (item for key in record.keys for item in known.get(key, ()))
    content = record.layer.diff_id
    last = max((item.made for item in others if item.layer.diff_id != content), default=-1)
    return replace(record, made=max(record.made, last + 1))
