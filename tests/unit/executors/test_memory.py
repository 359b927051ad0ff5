"""Reading and writing another process's memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator

import pytest

from ci_builder.executors.linux.memory import Memory

_BUFFER = ctypes.create_string_buffer(b"what is there" + bytes(200_000))


@pytest.fixture
def memory() -> Memory[str]:
    return Memory[str]()


@pytest.fixture
def child() -> Iterator[int]:
    """A process with the same memory to begin with."""
    process = os.fork()
    if process == 0:
        signal.pause()
        os._exit(0)
    yield process
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_reading_and_writing(memory: Memory[str], child: int) -> None:
    address = ctypes.addressof(_BUFFER)
    assert memory.read(child, address, 13) == b"what is there"
    memory.write(child, address, b"that")
    assert memory.read(child, address, 13) == b"that is there"
    assert _BUFFER.raw[:13] == b"what is there"


def test_much_at_once(memory: Memory[str], child: int) -> None:
    data = bytes(range(256)) * 600
    address = ctypes.addressof(_BUFFER)
    memory.write(child, address, data)
    found = b""
    while len(found) < len(data):
        found += memory.read(child, address + len(found), len(data) - len(found))
    assert found == data


@pytest.mark.parametrize("address", [0, 8, (1 << 64) - 1, 1 << 47])
def test_where_nothing_is(memory: Memory[str], child: int, address: int) -> None:
    with pytest.raises(OSError):
        memory.write(child, address, b"x")
    with contextlib.suppress(OSError):
        assert not memory.read(child, address, 1)


def _known(memory: Memory[str]) -> tuple[object, int]:
    return memory.note, memory.read_of


def test_what_was_noted_of_a_process_holds_while_its_memory_does(memory: Memory[str], child: int) -> None:
    address = ctypes.addressof(_BUFFER)
    memory.read(child, address, 4)
    memory.note, memory.read_of = "noted", -1
    memory.read(child, address, 4)
    assert _known(memory) == ("noted", child)
    memory.read(os.getpid(), address, 4)
    assert _known(memory) == (None, os.getpid())


def test_another_program_is_another_memory(memory: Memory[str], child: int) -> None:
    memory.read(child, ctypes.addressof(_BUFFER), 4)
    memory.note = "noted"
    memory.forget()
    assert _known(memory) == (None, -1)


def test_another_process_comes_next(memory: Memory[str], child: int) -> None:
    address = ctypes.addressof(_BUFFER)
    memory.write(child, address, b"one")
    assert memory.read(os.getpid(), address, 3) == b"wha"
    memory.forget()
    assert memory.read(child, address, 3) == b"one"
