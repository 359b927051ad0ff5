"""Process 1 of a command's process namespace: makes its root, starts it, reaps, and ends with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from typing import NoReturn

from ci_builder.executors.command import SET_UP_FAILED, Streams, become, exit_code, has_ended
from ci_builder.executors.fake_ids import FakeIds
from ci_builder.executors.in_memory import opened, rewritten
from ci_builder.executors.launch import Launch, PrivateRoot
from ci_builder.executors.private_root import enter_private_root
from ci_builder.executors.report import tell, tell_failure
from ci_builder.executors.scripts import place_scripts
from ci_builder.executors.single_id import SingleIdOwnership
from ci_builder.rootfs.file_keys import FileKeys


def be_first(launch: Launch, root: PrivateRoot, streams: Streams) -> NoReturn:
    """Everything from the new root to the end of the command; its exit code is this process's."""
    try:
        enter_private_root(root, launch.process.mounts)
        place_scripts(launch.process.files)
        notices, theirs = socket.socketpair()
        command = os.fork()
        if command == 0:
            notices.close()
            become(launch, streams, theirs)
        theirs.close()
        for descriptor in (0, 1, 2, streams.output, streams.stdin):
            os.close(descriptor)
        if root.single_id:
            status = _answer_until_the_end(command, notices, streams)
        else:
            status = _reap_until_the_end(command)
        # The end of process 1 is the end of every process of its namespace.
        os._exit(exit_code(status))
    except BaseException as error:
        tell_failure(streams.report, error)
    finally:
        os._exit(SET_UP_FAILED)


def _reap_until_the_end(command: int) -> int:
    while True:
        pid, status = os.wait()
        if has_ended(pid, status) and pid == command:
            return status


def _answer_until_the_end(command: int, notices: socket.socket, streams: Streams) -> int:
    """Answer what the command's namespace cannot do; then tell what was pretended. What is known of files is
    read from the descriptor ``streams.record`` and written back there."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    _, descriptors, _, _ = socket.recv_fds(notices, 1, 1)
    if not descriptors:
        return _reap_until_the_end(command)
    record = SingleIdOwnership()
    with opened(streams.record) as file:
        record.read(file)
    record.gone = FileKeys()
    fake = FakeIds(descriptors[0], record)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(fake.listener, select.POLLIN)
    status = None
    while status is None:
        for descriptor, event in poll.poll():
            if descriptor == ended:
                os.read(ended, 4096)
            elif event & select.POLLIN:
                fake.serve()
            else:
                poll.unregister(fake.listener)
        status = _reap(command)
    _kill_the_rest()
    fake.finish()
    with rewritten(streams.record) as file:
        record.write(file)
    tell(streams.report, {"remarks": fake.remarks})
    return status


def _reap(command: int) -> int | None:
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if has_ended(pid, status) and pid == command:
                found = status
    return found


def _kill_the_rest() -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
