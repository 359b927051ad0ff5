"""The processes around one command: the keeper outside, process 1 inside, then the command itself.

All of them are forked from the launcher, which has one thread and few memories. Nothing here returns
to the caller: each function ends with ``os._exit``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
from collections.abc import Sequence
from typing import NoReturn

from ci_builder.executors.launch import Launch
from ci_builder.executors.linux import landlock
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import close_from, describe, prctl, unshare
from ci_builder.executors.linux.capabilities import DOCKER_DEFAULT, SYS_ADMIN, effective, limit_to
from ci_builder.executors.private_root import enter_private_root

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SET_UP_FAILED = 125


def keep(control: socket.socket, output: int, stdin: int) -> NoReturn:
    """Read a Launch from ``control``, run it, answer ``{"exit": code}`` or ``{"error": text}``.

    When the other end of ``control`` is closed, or its builder dies, everything is killed.
    """
    answer: dict[str, object] = {"error": "the keeper failed"}
    try:
        answer = _run(_receive(control), control, output, stdin)
    except OSError as error:
        answer = {"error": describe(error)}
    except BaseException as error:
        answer = {"error": repr(error)}
    finally:
        with contextlib.suppress(OSError):
            control.sendall(json.dumps(answer).encode())
        os._exit(0)


def _receive(control: socket.socket) -> Launch:
    length = int.from_bytes(control.recv(8, socket.MSG_WAITALL), "big")
    return Launch.from_bytes(control.recv(length, socket.MSG_WAITALL))


def _run(launch: Launch, control: socket.socket, output: int, stdin: int) -> dict[str, object]:
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    said, say = os.pipe()
    here = launch.process.files if launch.root is None else ()
    _prepare(launch)
    place_scripts(here)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        _as_child(launch, say, output, stdin)
    for descriptor in (say, output, stdin):
        os.close(descriptor)
    status = _wait(child, control, wake)
    if launch.root is None:
        _kill_descendants()
    _remove_scripts(here)
    trouble = _read_all(said)
    if trouble:
        return dict(json.loads(trouble))
    return {"exit": _exit_code(status)}


def _prepare(launch: Launch) -> None:
    if launch.root is None:
        prctl("PR_SET_CHILD_SUBREAPER", n.PR_SET_CHILD_SUBREAPER, 1)
        return
    flags = n.CLONE_NEWNS | n.CLONE_NEWPID | n.CLONE_NEWIPC | n.CLONE_NEWUTS
    unshare(flags if launch.root.network else flags | n.CLONE_NEWNET)


def _wait(child: int, control: socket.socket, wake: int) -> int:
    poll = select.poll()
    poll.register(control, select.POLLIN | select.POLLRDHUP)
    poll.register(wake, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == wake:
                os.read(wake, 4096)
                status = _reap(child)
                if status is not None:
                    return status
            else:
                # The builder wants it stopped, or is gone.
                poll.unregister(control)
                os.kill(child, signal.SIGKILL)


def _reap(wanted: int) -> int | None:
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == wanted:
            found = status


def _kill_descendants() -> None:
    """Kill what the command left behind; as a subreaper this process inherits all of it."""
    while True:
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _descendants(ancestor: int) -> list[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                parents[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
    found: list[int] = []
    generation = {ancestor}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation}
        found.extend(generation)
    return found


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb") as stream:
        return stream.read()


def _as_child(launch: Launch, say: int, output: int, stdin: int) -> NoReturn:
    try:
        if launch.root is None:
            _become(launch, say, output, stdin)
        enter_private_root(launch.root)
        place_scripts(launch.process.files)
        command = os.fork()
        if command == 0:
            _become(launch, say, output, stdin)
        _be_init(command, (say, output, stdin))
    except OSError as error:
        _tell(say, {"error": describe(error)})
    except BaseException as error:
        _tell(say, {"error": repr(error)})
    finally:
        os._exit(_SET_UP_FAILED)


def place_scripts(files: Sequence[tuple[str, bytes, int]]) -> None:
    """Write the scripts of one command below /dev/pipes. Raises OSError."""
    for path, content, mode in files:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "wb") as script:
            script.write(content)
            os.fchmod(script.fileno(), mode)


def _remove_scripts(files: Sequence[tuple[str, bytes, int]]) -> None:
    with contextlib.suppress(OSError):
        for path, _, _ in files:
            os.unlink(path)
        for path, _, _ in files:
            os.rmdir(os.path.dirname(path))


def _be_init(command: int, unneeded: tuple[int, ...]) -> NoReturn:
    # The end of process 1 is the end of every process of its namespace.
    for descriptor in unneeded:
        os.close(descriptor)
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    while True:
        pid, status = os.wait()
        if pid == command:
            os._exit(_exit_code(status))


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(launch: Launch, say: int, output: int, stdin: int) -> NoReturn:
    """Turn this process into the command."""
    try:
        _take_streams(output, stdin)
        os.setsid()
        os.umask(0o022)
        _enter_directory(launch.process.cwd)
        _drop_privileges(launch)
        close_from(3, frozenset({say}))
        if launch.dry:
            os._exit(0)
        _reset_signals()
        _execute(launch)
    except _NotExecuted as failure:
        os.write(2, f"{failure}\n".encode("utf-8", "surrogateescape"))
        os._exit(failure.code)
    except OSError as error:
        _tell(say, {"error": describe(error)})
    except BaseException as error:
        _tell(say, {"error": repr(error)})
    finally:
        os._exit(_SET_UP_FAILED)


def _take_streams(output: int, stdin: int) -> None:
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _enter_directory(path: str) -> None:
    # As runc does: a working directory that is not there is made.
    os.makedirs(path, 0o755, exist_ok=True)
    os.chdir(path)


def _drop_privileges(launch: Launch) -> None:
    process = launch.process
    alone = launch.root is not None
    if alone:
        limit_to(DOCKER_DEFAULT)
    else:
        _enclose(process.uid)
    try:
        os.setgroups(process.groups)
    except PermissionError:
        # A namespace of a single id has no other groups to give.
        if process.groups or not alone:
            raise
    _take_ids(process.uid, process.gid)


def _take_ids(uid: int, gid: int) -> None:
    try:
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"taking the ids {uid}:{gid}") from error


def _enclose(uid: int) -> None:
    """In the builder's own process tree: keep root's commands out of other processes' environments.

    Others than root cannot read root's, and they need setuid programs, which no_new_privs disables.
    """
    allowed = SYS_ADMIN in effective()
    if uid != 0 and not allowed:
        return
    if landlock.version() < 2:
        return
    if not allowed:
        prctl("PR_SET_NO_NEW_PRIVS", n.PR_SET_NO_NEW_PRIVS, 1)
    landlock.enclose()


def _reset_signals() -> None:
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class _NotExecuted(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _execute(launch: Launch) -> NoReturn:
    process = launch.process
    environment = dict(process.env)
    failure = _NotExecuted(f"{process.argv[0]}: not found", 127)
    for path in _candidates(process.argv[0], environment.get("PATH", _DEFAULT_PATH)):
        try:
            os.execve(path, process.argv, environment)  # noqa: S606 there is no shell on purpose
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.lexists(path):
                failure = _NotExecuted(f"{path}: {error.strerror} (its interpreter is missing)", 127)
        except OSError as error:
            failure = _NotExecuted(f"{path}: {error.strerror}", 126)
            if error.errno != errno.EACCES:
                break
    raise failure


def _candidates(program: str, path: str) -> list[str]:
    if "/" in program:
        return [program]
    return [f"{folder or '.'}/{program}" for folder in path.split(":")]


def _tell(say: int, answer: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.write(say, json.dumps(answer).encode())
