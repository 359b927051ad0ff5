"""What a record holds of files whose owners, devices and attributes the kernel cannot hold."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ci_builder.rootfs.numbers import NumberMap
from ci_builder.values import dataclass

Key = tuple[int, int]
Xattrs = tuple[tuple[str, bytes], ...]
Fields = tuple[int, int, "int | None", "int | None", Xattrs]

_FEW = 1 << 12


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of one file; ``mode`` (with type) and ``device`` are None where the kernel's hold."""

    uid: int = 0
    gid: int = 0
    mode: int | None = None
    device: int | None = None
    xattrs: Xattrs = ()


PLAIN = Record()


class Records:
    """Records by device and inode: they survive renames and serve every hard link. A file without one is
    plain. Whoever makes a file drops or replaces the record of its inode number's earlier file.

    The first ``few`` are objects; of more there are the inode numbers and which of the different records
    each has: usually there are few.
    """

    def __init__(self, known: Iterable[tuple[Key, Record]] = (), few: int = _FEW) -> None:
        self._most = few
        self._few: dict[Key, Record] = {}
        self._many: dict[int, NumberMap] = {}
        self._different = _Different()
        for key, record in known:
            self.put(key, record)

    def __len__(self) -> int:
        return len(self._few) + sum(map(len, self._many.values()))

    def get(self, key: Key) -> Record | None:
        """What is recorded of ``key``: the same object as long as nothing else is."""
        record = self._few.get(key)
        if record is not None or not self._many or key[0] not in self._many:
            return record
        number = self._many[key[0]].get(key[1])
        return None if number is None else self._different.at(number)

    def keep(self, key: Key, record: Record) -> None:
        """Replace what is recorded of ``key``."""
        if record == PLAIN:
            self.drop(key)
        else:
            self.put(key, record)

    def put(self, key: Key, record: Record) -> None:
        """The same, a plain one too: for files that without it would not count as root's."""
        if key in self._few or (len(self._few) < self._most and not self._many):
            self._few[key] = record
            return
        numbers = self._many.get(key[0])
        if numbers is None:
            numbers = self._many[key[0]] = NumberMap()
        before = numbers.put(key[1], self._different.take(record))
        if before is not None:
            self._different.leave(before)

    def drop(self, key: Key) -> None:
        """Forget ``key``."""
        if self._few.pop(key, None) is None and key[0] in self._many:
            number = self._many[key[0]].pop(key[1])
            if number is not None:
                self._different.leave(number)

    def items(self) -> Iterator[tuple[Key, Record]]:
        """Everything. Nothing may be changed meanwhile."""
        yield from self._few.items()
        for device, numbers in self._many.items():
            for inode, number in numbers.items():
                yield (device, inode), self._different.at(number)

    def write(self, file: BinaryIO) -> None:
        """Write everything, for another process that runs the same interpreter on this machine."""
        few = [(*key, *_fields(record)) for key, record in self._few.items()]
        marshal.dump((few, list(self._many), self._different.to_values()), file)
        for numbers in self._many.values():
            numbers.write(file)

    def read(self, file: BinaryIO) -> None:
        """Replace everything by what ``write`` wrote. Raises EOFError, ValueError, TypeError."""
        self._few.clear()
        self._many.clear()
        few, devices, different = marshal.load(file)  # noqa: S302 our own data
        self._few.update(((device, inode), Record(*fields)) for device, inode, *fields in few)
        self._different = _Different.of_values(different)
        for device in devices:
            self._many[device] = NumberMap.read(file)


class _Different:
    """Records, each once, by a number; counted, so that those that nobody has any more go."""

    def __init__(self) -> None:
        self._records: list[Record | None] = []
        self._counts: list[int] = []
        self._numbers: dict[Record, int] = {}
        self._free: list[int] = []

    def at(self, number: int) -> Record:
        """The record of that number."""
        record = self._records[number]
        assert record is not None
        return record

    def take(self, record: Record) -> int:
        """Its number; one more has it."""
        number = self._numbers.get(record)
        if number is None:
            number = self._free.pop() if self._free else len(self._records)
            if number == len(self._records):
                self._records.append(None)
                self._counts.append(0)
            self._records[number] = record
            self._numbers[record] = number
        self._counts[number] += 1
        return number

    def leave(self, number: int) -> None:
        """One less has it."""
        self._counts[number] -= 1
        if not self._counts[number]:
            del self._numbers[self.at(number)]
            self._records[number] = None
            self._free.append(number)

    def to_values(self) -> list[tuple[int, Fields | None]]:
        """Everything, as it can be marshalled."""
        return [
            (count, None if record is None else _fields(record))
            for count, record in zip(self._counts, self._records, strict=True)
        ]

    @staticmethod
    def of_values(values: Iterable[tuple[int, Fields | None]]) -> _Different:
        """The inverse of ``to_values``."""
        made = _Different()
        for number, (count, fields) in enumerate(values):
            record = None if fields is None else Record(*fields)
            made._counts.append(count)
            made._records.append(record)
            if record is None:
                made._free.append(number)
            else:
                made._numbers[record] = number
        return made


def _fields(record: Record) -> Fields:
    return record.uid, record.gid, record.mode, record.device, record.xattrs
