"""What a thread is to do in the place of its own call (redirect.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ci_builder.values import dataclass

Done = Callable[[int, int, int], None]


def nothing(task: int, result: int, given: int) -> None:
    """Nothing to do after it."""


@dataclass(frozen=True, slots=True)
class Order:
    """The call to make instead: its ``name``, and some of its arguments (``values`` as numbers, ``data``
    as bytes whose address is passed, ``arrays`` as lists of strings or addresses, zero-terminated).
    ``done`` is called with task, result and - of an exec - the length of the path that the
    kernel was given, slashes in front included. ``soon``: it waits for nothing that others of the
    command do; until ``done`` nobody is served, so nobody sees what it has not permitted yet."""

    name: str
    values: Mapping[int, int]
    data: Mapping[int, bytes]
    arrays: Mapping[int, tuple[bytes | int, ...]]
    done: Done = nothing
    soon: bool = False
