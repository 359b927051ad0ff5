"""Having a thread make another call than the one that it waits in: for what only the thread can do.

1. The supervisor becomes the thread's tracer, asks for a stop, and answers the call with EINTR: the
   thread stops before its program sees that.
2. The registers are set so that it enters the kernel once more, with other arguments. Strings and
   arrays go where the program has nothing (room.py).
3. It stops as it enters. Where a signal came first it never gets there: it gets its registers back, set to
   make its own call again after the signal's handler.
4. The call is notified again, recognised, and let through to the kernel.
5. At its end the thread stops once more, gets its registers back, with the result, and is let go.

Exec is by far the most frequent and has a shorter way: the filter knows it by a secret argument
(``exec_key``) and lets it through, and the thread makes this one step, at whose end - or at the new
program's start - it stops. That is waited for here: an exec waits for nothing that others of the command do.
(A program that ignores SIGTRAP and whose exec fails in the kernel ignores it no longer.)

In between it is nobody's tracee: forks, signals and job control are the kernel's alone.
"""

from __future__ import annotations

import errno
import os
from signal import SIGTRAP

from ci_builder.executors.linux import ptrace
from ci_builder.executors.linux.architecture import Architecture
from ci_builder.executors.linux.listener import Listener
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.order import Done, Order
from ci_builder.executors.supervisor.room import USUAL, Filling, Room, room_of, size_of_array
from ci_builder.values import dataclass

_WALL = 0x40000000
_READ_WRITE, _PRIVATE_ANONYMOUS = 3, 0x22
KEY_ARGUMENT = 5
"""Where an exec has its key: execve(2) has three arguments."""
_RESTARTS = (-512, -513, -514, -516)  # what the kernel says to itself: a signal came, do it once more
_EXEC = Order("execve", {}, {}, {})


@dataclass(slots=True)
class _Pending:
    call: Call
    order: Order
    done: Done
    saved: bytes
    room: Room | None = None
    mapped: bool = False
    given: int = 0
    at: int = 0
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A ``signal`` came before a call."""

    signal: int


class Redirects:
    """Redirects; ``pending`` are those under way, by thread. ``exec_key``: see the module. ``others`` are
    processes that were seen to end while one of them was waited for, with their wait status."""

    def __init__(self, architecture: Architecture, listener: Listener, exec_key: int) -> None:
        self.others: list[tuple[int, int]] = []
        self._architecture = architecture
        self.listener = listener
        self._exec_key = exec_key
        self._registers = ptrace.Registers(architecture)
        self.pending: dict[int, _Pending] = {}
        self._hears = True
        self._hear(False)

    def start(self, call: Call, order: Order) -> None:
        """Steps 1 and 2, for an exec all. Raises OSError before anything has changed."""
        pending = self._stopped_in(call, order)
        if pending is not None and self._is_prepared(pending):
            self._let_go(pending)

    def execute(self, call: Call, path: tuple[int, int], done: Done) -> None:
        """``start`` for an execve(2) with the caller's own arguments and another ``path``: its address and
        length. Raises OSError before anything has changed."""
        pending = self._stopped_in(call, _EXEC)
        if pending is None:
            return
        words, registers = self._registers.words, self._architecture.arguments
        words[registers[0]] = path[0]
        words[registers[KEY_ARGUMENT]] = self._exec_key
        pending.done, pending.given = done, path[1]
        pending.at = self._enter("execve")
        self._let_go(pending)

    def _stopped_in(self, call: Call, order: Order) -> _Pending | None:
        """Step 1; None: the thread is gone, or a signal came first. Raises OSError."""
        task = call.task
        try:
            ptrace.seize(task)
        except PermissionError as error:
            # Somebody else traces it.
            raise failure(errno.EPERM) from error
        ptrace.interrupt(task)
        self.listener.fail(call.cookie, errno.EINTR)
        status = self._stop_of(task)
        if status is None:
            return None
        self._registers.load(task)
        pending = _Pending(call, order, order.done, bytes(self._registers.words))
        if status >> 16 != ptrace.EVENT_STOP:
            self._do_again(task, pending, os.WSTOPSIG(status))
            return None
        return pending

    def _is_prepared(self, pending: _Pending) -> bool:
        """Whether strings and registers are set now (step 2); else the thread was let go."""
        task = pending.call.task
        try:
            room = self._room(task, pending)
            if room is None:
                return False
            pending.room = room
            self._set(pending, room)
        except OSError as error:
            self._give_up(task, pending, error.errno or errno.EFAULT)
            return False
        return True

    def _let_go(self, pending: _Pending) -> None:
        task = pending.call.task
        self.pending[task] = pending
        self._registers.store(task)
        if pending.order.name == "execve":
            ptrace.step(task)
            self._await(task)
        else:
            self._hear(True)
            ptrace.proceed_to_call(task)

    def recognises(self, cookie: int, task: int) -> bool:
        """Step 4: whether the call ``cookie`` of ``task`` is one that was ordered; then it is let through."""
        pending = self.pending.get(task)
        if pending is None:
            return False
        self.listener.let_go_on(cookie)
        if pending.order.soon:
            self._await(task)
        return True

    def stopped(self, task: int, status: int) -> None:
        """Steps 3 and 5, for a thread that waitpid says has stopped. Raises OSError (ESRCH) when it was
        killed."""
        event = status >> 16
        if event == ptrace.EVENT_EXEC:
            # The thread that made it takes its process's number; the one that had it is gone.
            alone = len(self.pending) == 1 and task in self.pending
            pending = self.pending.pop(task if alone else ptrace.event_message(task), None)
            self._forget(task)
            try:
                if pending is not None:
                    pending.done(task, 0, pending.given)
            finally:
                ptrace.detach(task)
            return
        pending = self.pending.get(task)
        in_call = os.WSTOPSIG(status) == ptrace.IN_CALL
        signal = 0 if event or in_call else os.WSTOPSIG(status)
        if pending is None:
            ptrace.detach(task, signal)
        elif pending.order.name == "execve":
            self._stepped(task, pending, signal)
        elif in_call and pending.entered:
            self._finish(task, pending)
        elif in_call:
            pending.entered = True
            ptrace.proceed_to_call(task)
        elif pending.entered or event:
            ptrace.proceed_to_call(task, signal)
        else:
            self._do_again(task, pending, signal)

    def stack(self, task: int) -> int:
        """The stack pointer of a thread that has stopped. Raises OSError."""
        self._registers.load(task)
        return self._registers.words[self._architecture.stack]

    def gone(self, task: int) -> None:
        """A thread has ended."""
        self._forget(task)

    def _forget(self, task: int) -> None:
        self.pending.pop(task, None)
        if not self.pending:
            self._hear(False)

    def _stop_of(self, task: int) -> int | None:
        """The wait status of a thread that is about to stop; None: it was killed instead."""
        status = ptrace.next_status(task)
        if os.WIFSTOPPED(status):
            return status
        self._forget(task)
        # It may be the command itself, whose end nobody is told of again.
        self.others.append((task, status))
        return None

    def _hear(self, wanted: bool) -> None:
        """Stops are heard of while there are redirects that are not waited for at once: else each exec
        would tell of two."""
        if wanted != self._hears:
            ptrace.hear_of_stops(wanted)
            self._hears = wanted

    def _await(self, task: int) -> None:
        """Until the call of ``task`` has ended."""
        while task in self.pending:
            try:
                changed, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                self.gone(task)
                return
            if not os.WIFSTOPPED(status):
                self.gone(changed)
                self.others.append((changed, status))
                continue
            try:
                self.stopped(changed, status)
            except ProcessLookupError:
                self.gone(changed)

    def _stepped(self, task: int, pending: _Pending, signal: int) -> None:
        """An exec has failed, or a signal came before it."""
        self._registers.load(task)
        if self._registers.words[self._architecture.counter] == pending.at:
            self._do_again(task, pending, signal)
        else:
            self._finish(task, pending, 0 if signal == SIGTRAP else signal)

    def _do_again(self, task: int, pending: _Pending, signal: int) -> None:
        """Let it go to the handler of ``signal``, after which it makes its own call again."""
        self._forget(task)
        self._registers.replace_by(pending.saved)
        architecture, words = self._architecture, self._registers.words
        words[architecture.counter] -= architecture.call_size
        words[architecture.number] = pending.call.number
        if architecture.entered is not None:
            words[architecture.entered] = 0xFFFFFFFFFFFFFFFF
        else:
            words[architecture.arguments[0]] = pending.call.arguments[0]
        self._registers.store(task)
        ptrace.detach(task, signal)

    def _finish(self, task: int, pending: _Pending, signal: int = 0) -> None:
        self._registers.load(task)
        result = _signed(self._registers.words[self._architecture.result])
        self._forget(task)
        pending.done(task, result, 0)
        if pending.mapped and pending.room is not None:
            self._call(task, "munmap", (pending.room.address, pending.room.size))
        self._restore(task, pending.saved, result)
        ptrace.detach(task, signal)

    def _restore(self, task: int, saved: bytes, result: int) -> None:
        self._registers.replace_by(saved)
        words = self._registers.words
        words[self._architecture.result] = result & 0xFFFFFFFFFFFFFFFF
        if self._architecture.entered is None:
            if result in _RESTARTS:
                words[self._architecture.result] = -errno.EINTR & 0xFFFFFFFFFFFFFFFF
        elif result not in _RESTARTS:
            words[self._architecture.entered] = 0xFFFFFFFFFFFFFFFF
        self._registers.store(task)

    def _room(self, task: int, pending: _Pending) -> Room | None:
        """Where the order's strings go; None: the thread never comes that far. Raises OSError."""
        order = pending.order
        size = sum(map(len, order.data.values())) + sum(map(size_of_array, order.arrays.values()))
        if not size:
            return Room(0, 0)
        room = room_of(task)
        if (
            room is not None
            and size <= room.size
            and room not in [item.room for item in self.pending.values()]
        ):
            return room
        if order.name == "execve":
            # Else the new program would have less than this one, and so on.
            size += USUAL
        result = self._call(task, "mmap", (0, size, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0))
        if result is None:
            return None
        if isinstance(result, Interrupted):
            self._do_again(task, pending, result.signal)
            return None
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        pending.mapped = True
        return Room(result, size)

    def _call(self, task: int, name: str, arguments: tuple[int, ...]) -> int | Interrupted | None:
        """Have the stopped thread make a call that nobody is told of; None: it was killed."""
        architecture, words = self._architecture, self._registers.words
        for register, value in zip(architecture.arguments, arguments, strict=False):
            words[register] = value & 0xFFFFFFFFFFFFFFFF
        self._enter(name)
        self._registers.store(task)
        for _ in ("in", "out"):
            ptrace.proceed_to_call(task)
            status = self._stop_of(task)
            while status is not None and status >> 16 == ptrace.EVENT_STOP:
                ptrace.proceed_to_call(task)
                status = self._stop_of(task)
            if status is None:
                return None
            if os.WSTOPSIG(status) != ptrace.IN_CALL:
                return Interrupted(os.WSTOPSIG(status))
        self._registers.load(task)
        return _signed(words[architecture.result])

    def _set(self, pending: _Pending, room: Room) -> None:
        """Write what the order needs and set the registers for it. Raises OSError (EFAULT)."""
        call, order = pending.call, pending.order
        if pending.mapped:
            self._registers.replace_by(pending.saved)
        architecture, words = self._architecture, self._registers.words
        filling, registers = Filling(room), architecture.arguments
        for index, value in order.values.items():
            words[registers[index]] = value & 0xFFFFFFFFFFFFFFFF
        for index, items in order.arrays.items():
            words[registers[index]] = filling.put_array(items)
        for index, data in order.data.items():
            if order.name == "execve":
                words[registers[KEY_ARGUMENT]] = self._exec_key
                path = data.rjust(min(USUAL, filling.left), b"/")
                pending.given = len(path) - 1
                words[registers[index]] = filling.put(path)
            else:
                words[registers[index]] = filling.put(data)
        if filling.data:
            call.write(room.address, bytes(filling.data))
        pending.at = self._enter(order.name)

    def _enter(self, name: str) -> int:
        """The next instruction is the one before, which enters the kernel, for the call ``name``. Its
        address."""
        architecture, words = self._architecture, self._registers.words
        at: int = words[architecture.counter] - architecture.call_size
        words[architecture.counter] = at
        words[architecture.number] = architecture.calls[name]
        if architecture.entered is not None:
            words[architecture.entered] = 0xFFFFFFFFFFFFFFFF
        return at

    def _give_up(self, task: int, pending: _Pending, error: int) -> None:
        """The order cannot be carried out: the thread's own call fails."""
        self._restore(task, pending.saved, -error)
        ptrace.detach(task)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
