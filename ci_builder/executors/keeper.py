"""The processes around one command: the keeper outside, process 1 inside, then the command itself.

All of them are forked from the launcher, which has one thread and few memories. Nothing here returns
to the caller: each function ends with ``os._exit``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from typing import NoReturn

from ci_builder.executors.command import Streams, become, exit_code, has_ended
from ci_builder.executors.first_process import be_first
from ci_builder.executors.launch import Launch
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import prctl, unshare
from ci_builder.executors.report import open_report, tell, tell_failure
from ci_builder.executors.scripts import place_scripts, remove_scripts


def keep(control: socket.socket, descriptors: list[int]) -> NoReturn:
    """Read a Launch from ``control``, run it with ``descriptors`` (output, stdin, record: see Streams), and
    answer with the lines of its report and ``{"exit": code}``, or ``{"error": text}``, each a JSON object
    in a line.

    When the other end of ``control`` is closed, or its builder dies, everything is killed.
    """
    report = open_report()
    output, stdin, record = descriptors
    try:
        code = _run(_receive(control), control, Streams(report, output, stdin, record))
        tell(report, {"exit": code})
    except BaseException as error:
        tell_failure(report, error)
    finally:
        with contextlib.suppress(OSError):
            _send(report, control)
        os._exit(0)


def _send(report: int, control: socket.socket) -> None:
    with open(report, "rb") as content:
        content.seek(0)
        control.sendfile(content)


def _receive(control: socket.socket) -> Launch:
    length = int.from_bytes(control.recv(8, socket.MSG_WAITALL), "big")
    return Launch.from_bytes(control.recv(length, socket.MSG_WAITALL))


def _run(launch: Launch, control: socket.socket, streams: Streams) -> int:
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    here = _scripts(launch)
    _prepare(launch)
    place_scripts(here)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if launch.supervised is not None:
            # Here, because ptrace alone needs it and it takes long; there it is imported beforehand.
            from ci_builder.executors.supervisor.begin import supervise

            supervise(launch, launch.supervised, streams, control.fileno())
        control.close()
        if launch.root is None:
            become(launch, streams)
        be_first(launch, launch.root, streams)
    os.close(streams.output)
    os.close(streams.stdin)
    status = _wait(child, control, ended)
    if launch.root is None:
        _kill_descendants()
    remove_scripts(here)
    return exit_code(status)


def _scripts(launch: Launch) -> list[tuple[str, bytes, int]]:
    """Scripts that are placed from outside; in a private root, process 1 does it."""
    if launch.root is not None:
        return []
    if launch.supervised is not None:
        folders = {item.place: item.host for item in launch.supervised.mounts}
        here = folders["/dev"]
        return [(here + path.removeprefix("/dev"), data, mode) for path, data, mode in launch.process.files]
    return [(launch.folder + path, content, mode) for path, content, mode in launch.process.files]


def _prepare(launch: Launch) -> None:
    if launch.root is None:
        prctl("PR_SET_CHILD_SUBREAPER", n.PR_SET_CHILD_SUBREAPER, 1)
        return
    flags = n.CLONE_NEWNS | n.CLONE_NEWPID | n.CLONE_NEWIPC | n.CLONE_NEWUTS
    unshare(flags if launch.root.network else flags | n.CLONE_NEWNET)


def _wait(child: int, control: socket.socket, ended: int) -> int:
    poll = select.poll()
    poll.register(control, select.POLLIN | select.POLLRDHUP)
    poll.register(ended, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == ended:
                os.read(ended, 4096)
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
        if has_ended(pid, status) and pid == wanted:
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
