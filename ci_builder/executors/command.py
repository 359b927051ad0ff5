"""The last steps of the process that becomes the command: streams, directory, privileges, exec."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import stat as stat_module
from collections.abc import Callable
from typing import NoReturn

from ci_builder.executors.fake_ids import notified_calls
from ci_builder.executors.interface import Process
from ci_builder.executors.launch import Launch
from ci_builder.executors.limits import set_limits
from ci_builder.executors.linux import landlock, ptrace, seccomp
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import close_from, prctl, unshare
from ci_builder.executors.linux.capabilities import DOCKER_DEFAULT, SETPCAP, SYS_ADMIN, effective, limit_to
from ci_builder.executors.linux.offline import go_offline
from ci_builder.executors.report import tell_failure
from ci_builder.values import dataclass

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_APT = "/dev/.apt.conf"
SET_UP_FAILED = 125


@dataclass(frozen=True, slots=True)
class Streams:
    """Descriptors: ``report`` (see report.py), ``output`` and ``stdin`` of the command, ``record``: a file
    in memory with what is known of owners (supervisor)."""

    report: int
    output: int
    stdin: int
    record: int = -1


def become(
    launch: Launch,
    streams: Streams,
    notices: socket.socket | None = None,
    enclose: Callable[[], None] | None = None,
) -> NoReturn:
    """Turn this process into the command; ``notices`` takes the listener of its system calls where ids
    are pretended; ``enclose`` puts it under its supervisor. A failure is told and ends the process."""
    try:
        _take_streams(streams)
        os.setsid()
        os.umask(0o022)
        if enclose is not None:
            enclose()
        elif launch.root is None:
            _enclose(launch.process)
        if launch.folder:
            os.chroot(launch.folder)
        _enter_directory(launch.process.cwd)
        set_limits(launch.process.limits)
        if enclose is None:
            _give_streams(launch.process.uid)
        _drop_privileges(launch, notices)
        close_from(3, frozenset({streams.report}))
        if launch.dry:
            os._exit(0)
        _reset_signals()
        _execute(launch)
    except _NotExecuted as failure:
        os.write(2, f"{failure}\n".encode("utf-8", "surrogateescape"))
        os._exit(failure.code)
    except BaseException as error:
        tell_failure(streams.report, error)
    finally:
        os._exit(SET_UP_FAILED)


def has_ended(pid: int, status: int) -> bool:
    """Whether a child of this wait status has ended. One that has stopped takes its parent for its tracer
    (ptrace(2), PTRACE_TRACEME): it is let go."""
    if not os.WIFSTOPPED(status):
        return True
    number = os.WSTOPSIG(status)
    with contextlib.suppress(OSError):
        ptrace.detach(pid, 0 if number == signal.SIGTRAP else number)
    return False


def exit_code(status: int) -> int:
    """The shell's exit code for a wait status: 128 + signal for a process that was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _take_streams(streams: Streams) -> None:
    os.dup2(streams.stdin, 0)
    os.dup2(streams.output, 1)
    os.dup2(streams.output, 2)


def _give_streams(uid: int) -> None:
    """Who opens /dev/stdout opens the pipe once more: it is the user's, as runc has it. (A supervisor takes
    it for the user's anyway; a namespace of one id has no other to give it to.)"""
    for descriptor in (0, 1, 2):
        if uid and stat_module.S_ISFIFO(os.fstat(descriptor).st_mode):
            with contextlib.suppress(OSError):
                os.fchown(descriptor, uid, -1)


def _enter_directory(path: str) -> None:
    # As runc does: a working directory that is not there is made.
    os.makedirs(path, 0o755, exist_ok=True)
    os.chdir(path)


def _drop_privileges(launch: Launch, notices: socket.socket | None) -> None:
    process = launch.process
    if launch.root is not None and launch.root.single_id:
        assert notices is not None
        _pretend(launch, notices)
        return
    if launch.root is not None:
        limit_to(DOCKER_DEFAULT)
    os.setgroups(process.groups)
    _take_ids(process.uid, process.gid)


def _pretend(launch: Launch, notices: socket.socket) -> None:
    """In a namespace of a single id: have the calls that need others answered by process 1."""
    process = launch.process
    root = process.uid == process.gid == 0
    listener = seccomp.listen(notified_calls(root))
    socket.send_fds(notices, [b"l"], [listener])
    if not root:
        _look_like(process.uid, process.gid)
    limit_to(DOCKER_DEFAULT)
    if root:
        with open(_APT, "x", encoding="ascii") as configuration:
            # apt makes sure that it is another user now, which here it never is.
            configuration.write('APT::Sandbox::User "root";\n')


def _look_like(uid: int, gid: int) -> None:
    """Into a namespace in which the only id is called ``uid``: a user without rights, as far as any
    program can see."""
    # The maps of a process that is not dumpable cannot be written; nobody else is here to look.
    prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 1)
    unshare(n.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} 0 1"), ("gid_map", f"{gid} 0 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _take_ids(uid: int, gid: int) -> None:
    try:
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"taking the ids {uid}:{gid}") from error


def _enclose(process: Process) -> None:
    """In the builder's own process tree: keep commands out of other processes' environments.

    Root's commands are in a landlock domain besides. Other users' are not: they need setuid programs, which
    its no_new_privs disables.
    """
    held = effective()
    allowed = SYS_ADMIN in held
    if process.network == "none":
        if not allowed:
            prctl("PR_SET_NO_NEW_PRIVS", n.PR_SET_NO_NEW_PRIVS, 1)
        go_offline()
    if SETPCAP in held:
        # The kernel shows a process's environment and memory only to those who have every capability that it
        # has (ptrace(2), access mode checking): with one less, even a setuid program cannot look at the
        # builder or at the shell that started it. This one is only needed to change capability sets.
        limit_to(held - {SETPCAP})
    if process.uid != 0 and not allowed:
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
    if launch.root is not None and launch.root.single_id:
        environment.setdefault("APT_CONFIG", _APT)
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
