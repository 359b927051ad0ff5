"""Walking a tree in the order of its names, whatever the number of files in it or in one directory."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ci_builder.packed import packed
from ci_builder.patterns import pattern
from ci_builder.rootfs.paths import open_directory

LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FEW = 1 << 14  # names that are sorted as they are
_NAME = pattern(rb"[^\0]+")

T = TypeVar("T")
S = TypeVar("S")


class Names:
    """Names in the order in which they are added, joined by zero bytes."""

    __slots__ = ("_joined",)

    def __init__(self, joined: bytes | bytearray = b"") -> None:
        self._joined = bytearray(joined)

    def add(self, name: bytes) -> None:
        """Put it behind the others."""
        self._joined += name
        self._joined += b"\0"

    def __iter__(self) -> Iterator[bytes]:
        return split(self._joined)

    def __bool__(self) -> bool:
        return bool(self._joined)

    def __bytes__(self) -> bytes:
        return bytes(self._joined)


Look = Callable[[int, bytes, Names], Iterator[T]]
"""Says what is in an open directory of a path (relative to the top), and adds the names of those in it that
are to be entered as well."""


def split(joined: bytes | bytearray) -> Iterator[bytes]:
    """The names in ``joined``, one after another."""
    return map(_text, _NAME.finditer(joined))


def walk(top: str, look: Look[T]) -> Iterator[T]:
    """What ``look`` says of every directory, the ``top`` first, each before those that are in it. No symbolic
    link is followed. Raises OSError."""
    root = os.open(top, LIST)
    pending: list[Iterator[bytes]] = [iter((b"",))]
    try:
        while pending:
            path = next(pending[-1], None)
            if path is None:
                pending.pop()
                continue
            below = Names()
            descriptor = open_directory(root, path, LIST)
            try:
                yield from look(descriptor, path, below)
            finally:
                os.close(descriptor)
            if below:
                pending.append(_inside(path, below))
    finally:
        os.close(root)


def sorted_names(directory: int | str) -> Iterable[bytes]:
    """The names in a directory (open, or by its path), sorted. Raises OSError."""
    with os.scandir(directory) as found:
        # All of them are encoded at once.
        few = os.fsencode("\0".join([item.name for item in itertools.islice(found, _FEW)])).split(b"\0")
        if len(few) < _FEW:
            few.sort()
            return few if few[0] else []
        return packed(itertools.chain(few, (os.fsencode(item.name) for item in found)))


def side_by_side(
    one: Iterable[tuple[bytes, T]], other: Iterable[tuple[bytes, S]]
) -> Iterator[tuple[bytes, T | None, S | None]]:
    """What two listings, sorted by names, say of each name; None where one does not have it."""
    others = iter(other)
    there = next(others, None)
    for name, value in one:
        while there is not None and there[0] < name:
            yield there[0], None, there[1]
            there = next(others, None)
        if there is not None and there[0] == name:
            yield name, value, there[1]
            there = next(others, None)
        else:
            yield name, value, None
    while there is not None:
        yield there[0], None, there[1]
        there = next(others, None)


def child(folder: bytes, name: bytes) -> bytes:
    """The path of ``name`` in ``folder``, which is empty for the root."""
    return folder + b"/" + name if folder else name


def _inside(path: bytes, names: Names) -> Iterator[bytes]:
    return (child(path, name) for name in names)


def _text(match: re.Match[bytes]) -> bytes:
    return match.group()
