"""execve and execveat: the program is found here, and executed by the thread itself."""

from __future__ import annotations

import errno
import os
import stat as stat_module
import struct

from ci_builder.executors.linux.listener import Received
from ci_builder.executors.linux.task import signed
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import Context, FileCapabilities
from ci_builder.executors.supervisor.executables import Remembered, script_line
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.kernel import ANSWERED, Handlers, Kernel
from ci_builder.executors.supervisor.lookup import CURRENT
from ci_builder.executors.supervisor.order import Done, Order
from ci_builder.executors.supervisor.owners import CAPABILITY
from ci_builder.executors.supervisor.permissions import EXECUTE, need
from ci_builder.executors.supervisor.room import USUAL, room_of
from ci_builder.values import dataclass

_NO_FOLLOW, _EMPTY_PATH = 0x100, 0x1000
_MAX_SCRIPTS = 5
_CHUNK = 512
_TEXT = 256
_MAX_ARGUMENTS = 1 << 20


@dataclass(slots=True)
class _Program:
    """What is to be executed: ``path`` as a script is told of itself; ``leading`` replaces the first argument
    when scripts came before. ``asked`` is the path that the caller gave."""

    found: Found
    path: bytes
    leading: list[bytes]
    asked: bytes


def execute_again(kernel: Kernel, received: Received) -> bool:
    """execve(2) of what was executed before by the same path in the same context, the short way. Whether it
    was done; else nothing was. Raises OSError: the call fails so."""
    task, pointer = received[1], received[3]
    if kernel.redirects.pending:
        return False  # somebody may use the room
    kernel.contexts.forget()
    try:
        name, zero, _ = kernel.memory.read(task, pointer, _TEXT).partition(b"\0")
        context = kernel.contexts.of(task)
        host = kernel.executables.recall_at_once((name, context), kernel.owners.records) if zero else None
        room = room_of(task) if host is not None else None
        if host is None or room is None or len(host) >= room.size:
            return False
        # Slashes in front make room for the new program, see room.py.
        path = host.rjust(min(USUAL, room.size) - 1, b"/")
        kernel.memory.write(task, room.address, path + b"\0")
    except OSError:
        return False
    call, done = Call(received, kernel.memory), _finish(kernel, name, (context, context))
    kernel.redirects.execute(call, (room.address, len(path)), done)
    return True


def _execve(kernel: Kernel, call: Call) -> int | None:
    pointer, arguments, environment, *_ = call.arguments
    return _execute(kernel, call, (CURRENT, call.text(pointer), 0), (arguments, environment))


def _execveat(kernel: Kernel, call: Call) -> int | None:
    folder, path, arguments, environment, flags, _ = call.arguments
    flags &= 0xFFFFFFFF
    if flags & ~(_NO_FOLLOW | _EMPTY_PATH):
        raise failure(errno.EINVAL)
    return _execute(kernel, call, (signed(folder), call.text(path), flags), (arguments, environment))


def _execute(kernel: Kernel, call: Call, where: tuple[int, bytes, int], rest: tuple[int, int]) -> int | None:
    _, path, flags = where
    context = kernel.contexts.of(call.task)
    program = _Program(_first(kernel, call, where), _name(*where), [], path)
    name = program.path
    try:
        host, after = _prepare(kernel, call, context, program, path.startswith(b"/") and not flags)
    finally:
        os.close(program.found.descriptor)
    values = {1: rest[0], 2: rest[1]}
    arrays: dict[int, tuple[bytes | int, ...]] = {}
    if program.leading:
        arrays[1] = (*program.leading, *_pointers(call, values.pop(1))[1:])
    done = _finish(kernel, name, (context, after))
    kernel.redirects.start(call, Order("execve", values, {0: host + b"\0"}, arrays, done))
    return ANSWERED


def _finish(kernel: Kernel, name: bytes, who: tuple[Context, Context]) -> Done:
    """What is left to do of an exec of ``name``, as the command knows it; ``who`` are the contexts before and
    after."""
    before, after = who

    def done(task: int, result: int, given: int) -> None:
        if result == 0:
            if after is not before:
                kernel.contexts.put(task, after)
            kernel.memory.forget()
            kernel.vectors.correct((task, kernel.redirects.stack(task)), after, (name, given))
            kernel.contexts.note(task, after)

    return done


def _prepare(
    kernel: Kernel, call: Call, context: Context, program: _Program, absolute: bool
) -> tuple[bytes, Context]:
    """The path out here of what is to be executed, and the context after it; that of an ``absolute`` path is
    remembered. Raises OSError."""
    found, asked = program.found, (program.asked, context)
    record = kernel.owners.record(found)
    host = kernel.executables.recall(asked, found, record) if absolute else None
    if host is not None:
        return host, context
    place, copy = _found(kernel, call, context, program)
    host = kernel.executables.named(copy, program.asked.rpartition(b"/")[2] or place.rpartition(b"/")[2])
    after = _after(kernel, context, program.found)
    if absolute and after is context and program.found is found:
        plain = found.place is None and context.ignores_permissions and not context.root
        itself = _host(found) if plain else None
        what = Remembered(found.key, found.version, record, place, (copy, host), itself or b"")
        kernel.executables.remember(asked, what)
    return host, after


def _found(kernel: Kernel, call: Call, context: Context, program: _Program) -> tuple[bytes, bytes]:
    """The place in the image and the path out here of what is to be executed; of a script, which
    ``program`` is made its interpreter. Raises OSError."""

    def find_loader(path: bytes) -> bytes:
        return _loader(kernel, call, path)

    for _ in range(_MAX_SCRIPTS + 1):
        _permit(kernel, context, program.found)
        place = _place(kernel, program)
        host = kernel.executables.known(program.found, place, context.root, find_loader)
        if host is not None:
            return place, host
        if not _interpret(kernel, call, program):
            names = (place, _host(program.found), context.root)
            return place, kernel.executables.executable(program.found, names, find_loader)
    raise failure(errno.ELOOP)


def _first(kernel: Kernel, call: Call, where: tuple[int, bytes, int]) -> Found:
    folder, path, flags = where
    if not path and flags & _EMPTY_PATH:
        return kernel.lookup.by_descriptor(call.task, folder)
    found = kernel.lookup.find(call.task, folder, path, follow=not flags & _NO_FOLLOW)
    if stat_module.S_ISLNK(found.mode):
        os.close(found.descriptor)
        raise failure(errno.ELOOP)
    return found


def _name(folder: int, path: bytes, flags: int) -> bytes:
    """What a script is told as its own path (execveat(2))."""
    if path.startswith(b"/") or folder == CURRENT:
        return path
    return b"/dev/fd/%d/%b" % (folder, path) if path else b"/dev/fd/%d" % folder


def _permit(kernel: Kernel, context: Context, found: Found) -> None:
    if not stat_module.S_ISREG(found.mode):
        raise failure(errno.EACCES)
    owner = kernel.owners.of(found)
    if not stat_module.S_ISREG(owner[2]):
        raise failure(errno.EACCES)
    if kernel.is_recorded(found):
        need(context, owner, EXECUTE)
        if not owner[2] & 0o111:
            raise failure(errno.EACCES)


def _interpret(kernel: Kernel, call: Call, program: _Program) -> bool:
    """Whether it was a script: then ``program`` is its interpreter now. Raises OSError."""
    descriptor = os.open(program.found.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        line = script_line(os.pread(descriptor, 256, 0))
    finally:
        os.close(descriptor)
    if line is None:
        return False
    interpreter = kernel.lookup.find(call.task, CURRENT, line[0])
    os.close(program.found.descriptor)
    program.found = interpreter
    program.leading = [*line, program.path, *program.leading[1:]]
    program.path = line[0]
    return True


def _place(kernel: Kernel, program: _Program) -> bytes:
    """The program's real path in the image, as /proc/PID/exe has to say it."""
    return kernel.view.place_of(_link(program.found)) or program.path


def _link(found: Found) -> bytes:
    return os.readlink(found.path)


def _host(found: Found) -> bytes | None:
    host = _link(found)
    try:
        status = os.lstat(host)
    except OSError:
        return None
    return host if (status.st_dev, status.st_ino) == found.key else None


def _loader(kernel: Kernel, call: Call, path: bytes) -> bytes:
    with kernel.lookup.find(call.task, CURRENT, path) as found:
        if not stat_module.S_ISREG(found.mode):
            raise failure(errno.EACCES)
        return _link(found)


def _after(kernel: Kernel, context: Context, found: Found) -> Context:
    """Who the new program is: setuid and setgid bits count (execve(2))."""
    uid, gid, mode, _ = kernel.owners.of(found)
    takes_group = mode & stat_module.S_ISGID and mode & stat_module.S_IXGRP
    record = kernel.owners.record(found)
    data = dict(record.xattrs).get(CAPABILITY) if record is not None else None
    return context.executing(
        uid if mode & stat_module.S_ISUID else None,
        gid if takes_group else None,
        FileCapabilities.parse(data) if data is not None else None,
    )


def _pointers(call: Call, array: int) -> list[int]:
    """The addresses in a zero-terminated array. Raises OSError (EFAULT, E2BIG)."""
    if not array:
        return []
    found: list[int] = []
    while True:
        at = array + 8 * len(found)
        size = min(_CHUNK, 4096 - at % 4096) // 8 * 8 or 8
        values = struct.unpack(f"={size // 8}Q", call.read(at, size))
        if 0 in values:
            return [*found, *values[: values.index(0)]]
        found += values
        if len(found) > _MAX_ARGUMENTS:
            raise failure(errno.E2BIG)


HANDLERS: Handlers = {"execve": _execve, "execveat": _execveat}
