"""What programs were told of files: the same answer again as long as neither file nor record changes."""

from __future__ import annotations

from collections.abc import Container

from ci_builder.executors.supervisor.found import Found
from ci_builder.rootfs.record import Key, Record, Records
from ci_builder.values import dataclass

_MOST = 1 << 14  # answers, of some 500 bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The struct stat ``data`` for the file ``key`` while ``record`` is what is recorded of it. ``is_seen``:
    a name that leads there is answered so, for nothing else is mounted there."""

    key: Key
    record: Record | None
    data: bytes
    is_seen: bool


class Told:
    """Answers to stat(2), by what the kernel says of a file of the image. On those that are ``covered``
    something else is mounted."""

    def __init__(self, records: Records, covered: Container[Key]) -> None:
        self._record = records.get
        self._covered = covered
        self._answers: dict[bytes, Answer] = {}

    def answer(self, raw: bytes) -> Answer | None:
        """None: the record of it has changed, or it was not asked for."""
        known = self._answers.get(raw)
        return known if known is not None and self._record(known.key) is known.record else None

    def keep(self, found: Found, data: bytes) -> None:
        """``data`` is the answer for ``found`` as it is recorded now."""
        if len(self._answers) >= _MOST:
            self._answers.clear()
        key = found.key
        self._answers[found.raw] = Answer(key, self._record(key), data, key not in self._covered)
