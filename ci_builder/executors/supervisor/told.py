"""What programs were told of files: the same answer again as long as neither file nor record changes."""

from __future__ import annotations

from ci_builder.executors.supervisor.found import Found
from ci_builder.rootfs.record import Key, Record, Records

_MOST = 1 << 14  # answers, of some 500 bytes


class Told:
    """Answers to stat(2), by what the kernel says of the file."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._answers: dict[bytes, tuple[Key, Record | None, bytes]] = {}

    def data(self, raw: bytes) -> bytes | None:
        """The struct stat to answer with; None: the record of it has changed, or it was not asked for."""
        known = self._answers.get(raw)
        if known is None or self._records.get(known[0]) is not known[1]:
            return None
        return known[2]

    def keep(self, found: Found, data: bytes) -> None:
        """``data`` is the answer for ``found`` as it is recorded now."""
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[found.raw] = (found.key, self._records.get(found.key), data)
