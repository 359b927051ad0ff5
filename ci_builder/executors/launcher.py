"""Starts commands, second packers and second removers from a process of its own, which was forked while the
builder had one thread.

Forking a process with threads is not safe in general, and a fork of the builder would carry its
credentials; the launcher is small, has one thread, and shares the builder's namespaces.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ci_builder.errors import ExecutorError, OutOfTime
from ci_builder.executors.in_memory import Known, new_file, opened, rewritten
from ci_builder.executors.keeper import keep
from ci_builder.executors.launch import Launch
from ci_builder.executors.linux.calls import close_from
from ci_builder.executors.removal import remove_from_the_end
from ci_builder.rootfs.pack_parts import pack_parts
from ci_builder.rootfs.second_packer import PackOrder, SecondPacker
from ci_builder.values import dataclass

_LONGEST_WAIT = 2**31 - 1
_BETWEEN_CHECKS = 0.2
_RUN, _PACK, _REMOVE = b"r", b"p", b"d"
_LONGEST = 4096  # bytes of a request


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit ``code`` (128 + signal when killed), and remarks on what was only
    pretended."""

    code: int
    remarks: tuple[str, ...] = ()


class Running:
    """One command that was started. ``stop`` may be called from any thread."""

    def __init__(
        self, control: socket.socket, output: int, record: int, known: Known | None, seconds: float
    ) -> None:
        self._control = control
        self._output = output
        self._record = record
        self._known = known
        self._seconds = seconds
        self._stopped = False

    def wait(self, output: Callable[[bytes], None], check: Callable[[], None] | None = None) -> Ended:
        """Pass on what the command prints until it and all its descendants are gone; then read what is known
        of files. ``check`` is called again and again, and once more in the end; what it raises ends them.

        Raises OutOfTime, ExecutorError when it could not be set up or was stopped.
        """
        try:
            answer = self._relay(output, check)
            if check is not None:
                check()
            if self._stopped or not answer:
                raise ExecutorError("the command was stopped")
            ended = _ended([json.loads(line) for line in answer.splitlines()])
            self._learn()
        finally:
            self._end()
            os.close(self._output)
            os.close(self._record)
            self._control.close()
        return ended

    def stop(self) -> None:
        """Kill the command and its descendants if there are any left, and wait for their end."""
        self._stopped = True
        self._end()

    def _learn(self) -> None:
        if self._known is None:
            return
        try:
            with opened(self._record) as file:
                self._known.read(file)
        except (EOFError, ValueError, TypeError) as error:
            raise ExecutorError("the supervisor of the command did not tell all that it knew") from error

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
            while self._control.recv(4096):
                pass

    def _relay(self, output: Callable[[bytes], None], check: Callable[[], None] | None) -> bytes:
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        answer = b""
        deadline = time.monotonic() + self._seconds if self._seconds else math.inf
        look = math.inf if check is None else 0
        while True:
            now = time.monotonic()
            if now >= deadline:
                raise OutOfTime(self._seconds)
            if check is not None and now >= look:
                check()
                look = time.monotonic() + _BETWEEN_CHECKS
            ready = [descriptor for descriptor, _ in poll.poll(_milliseconds(min(deadline, look) - now))]
            if self._output in ready:
                data = os.read(self._output, 65536)
                if data:
                    output(data)
                else:
                    poll.unregister(self._output)
            elif self._control.fileno() in ready:
                # Only when no output waits: the keeper answers after every writer has ended.
                part = self._control.recv(65536)
                if not part:
                    return answer
                answer += part


def _milliseconds(seconds: float) -> int | None:
    """For poll(2), which takes no more than an int holds."""
    return None if seconds == math.inf else min(math.ceil(max(seconds, 0) * 1000), _LONGEST_WAIT)


def _ended(told: list[dict[str, Any]]) -> Ended:
    code, remarks = -1, []
    for value in told:
        if "error" in value:
            raise ExecutorError(f"the command could not be started: {value['error']}")
        if "broken" in value:
            raise ExecutorError(f"the supervisor of the command failed: {value['broken']}")
        code = value.get("exit", code)
        remarks += value.get("remarks", ())
    return Ended(code, tuple(remarks))


class Launcher:
    """``start`` may be called from any thread once the launcher was made."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _serve(theirs)
        theirs.close()

    def start(self, launch: Launch, stdin: bytes, known: Known | None = None) -> Running:
        """Start ``launch`` with ``stdin`` as its standard input. ``known`` is what whoever watches
        over it has to know of files; in the end, what is known then. Raises ExecutorError."""
        control, theirs = socket.socketpair()
        output, output_write = os.pipe()
        source = _input(stdin)
        record = new_file()
        if known is not None:
            with rewritten(record) as file:
                known.write(file)
        try:
            socket.send_fds(self._socket, [_RUN], [theirs.fileno(), output_write, source, record])
            data = launch.to_bytes()
            control.sendall(len(data).to_bytes(8, "big") + data)
        except OSError as error:
            os.close(output)
            os.close(record)
            control.close()
            raise ExecutorError(f"the launcher does not answer: {error}") from error
        finally:
            theirs.close()
            os.close(output_write)
            os.close(source)
        return Running(control, output, record, known, launch.process.seconds)

    def hire(self, order: PackOrder) -> SecondPacker | None:
        """See Hire."""
        control, theirs = socket.socketpair()
        memory = new_file()
        try:
            socket.send_fds(self._socket, [_PACK], [theirs.fileno(), memory])
        except OSError:
            control.close()
            os.close(memory)
            return None
        finally:
            theirs.close()
        return SecondPacker(order, control, memory)

    def remove_as_well(self, folder: str) -> None:
        """See Call: from another process, where there is a second processor."""
        request = _REMOVE + os.fsencode(folder)
        if len(request) <= _LONGEST and len(os.sched_getaffinity(0)) > 1:
            with contextlib.suppress(OSError):
                self._socket.send(request)

    def close(self) -> None:
        """End the launcher; commands that still run are not touched."""
        self._socket.close()


def _input(data: bytes) -> int:
    if not data:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    return new_file(data)


def _serve(requests: socket.socket) -> NoReturn:
    """The launcher's own process: ends when the builder does."""
    try:
        # A terminal's Ctrl-C goes to the builder, which stops the commands in order.
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        close_from(3, frozenset({requests.fileno()}))
        _answer(requests)
    finally:
        os._exit(0)


def _answer(requests: socket.socket) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, 4)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            if message == _PACK:
                with contextlib.suppress(OSError), socket.socket(fileno=descriptors[0]) as control:
                    pack_parts(control, descriptors[1])
                os._exit(0)
            if message.startswith(_REMOVE):
                with contextlib.suppress(OSError):
                    remove_from_the_end(os.fsdecode(message[1:]))
                os._exit(0)
            keep(socket.socket(fileno=descriptors[0]), descriptors[1:])
        for descriptor in descriptors:
            os.close(descriptor)
