"""From an order to a supervisor with its command: the processes, their rights, their connection."""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
from typing import NoReturn

from ci_builder.executors.command import SET_UP_FAILED, Streams, become, exit_code
from ci_builder.executors.in_memory import opened, rewritten
from ci_builder.executors.launch import Launch, Supervised
from ci_builder.executors.linux import landlock, seccomp
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import prctl
from ci_builder.executors.linux.capabilities import effective, limit_to
from ci_builder.executors.linux.hand_over import hand_over
from ci_builder.executors.linux.listener import Listener
from ci_builder.executors.linux.memory import Memory
from ci_builder.executors.report import tell
from ci_builder.executors.supervisor import nameless
from ci_builder.executors.supervisor.affinity import PAUSE, Affinity
from ci_builder.executors.supervisor.answers import Answers
from ci_builder.executors.supervisor.auxiliary import Vectors
from ci_builder.executors.supervisor.bell import Bell, hang
from ci_builder.executors.supervisor.context import RLIMIT_LOCKS, Context, Contexts
from ci_builder.executors.supervisor.executables import Executables
from ci_builder.executors.supervisor.filter import program
from ci_builder.executors.supervisor.kernel import Kernel
from ci_builder.executors.supervisor.lookup import Lookup
from ci_builder.executors.supervisor.owners import Owners
from ci_builder.executors.supervisor.ports import Ports
from ci_builder.executors.supervisor.proc_links import ProcLinks
from ci_builder.executors.supervisor.redirect import Redirects
from ci_builder.executors.supervisor.serve import Supervision, Wake
from ci_builder.executors.supervisor.table import HANDLERS
from ci_builder.executors.supervisor.told import Told
from ci_builder.executors.supervisor.view import Mount, View
from ci_builder.executors.supervisor.walk import Walker
from ci_builder.rootfs.record import Records


def supervise(launch: Launch, supervised: Supervised, streams: Streams, parent: int) -> NoReturn:
    """Be the supervisor of ``launch`` until it ends; its exit code is this process's. The record of owners
    is read from the descriptor ``streams.record`` and written back there. ``parent``: see Supervision."""
    try:
        architecture = of_this_machine()
        wake = Wake()
        prctl("PR_SET_CHILD_SUBREAPER", n.PR_SET_CHILD_SUBREAPER, 1)
        if effective():
            limit_to(frozenset())
        prctl("PR_SET_NO_NEW_PRIVS", n.PR_SET_NO_NEW_PRIVS, 1)
        os.umask(0)
        records = Records()
        with opened(streams.record) as file:
            records.read(file)
        contexts = Contexts(Context.of(0, 0, ()), os.getpid(), Memory())
        connection, theirs = socket.socketpair()
        exec_key = int.from_bytes(os.urandom(8), "little")
        command = os.fork()
        if command == 0:
            connection.close()
            _start((launch, supervised), streams, theirs, exec_key)
        theirs.close()
        for descriptor in (0, 1, 2, streams.output, streams.stdin):
            os.close(descriptor)
        listener = _listener(connection)
        if listener is not None:
            contexts.put(command, contexts.initial)
            redirects = Redirects(architecture, listener, exec_key)
            # Nothing of what is there now will ever be garbage.
            gc.freeze()
            kernel = _kernel(supervised, (contexts, records), redirects, launch.process.network != "none")
            bell = Bell(listener, exec_key)
            status = Supervision(
                kernel, Answers(kernel, architecture, bell), command, parent, wake, bell
            ).run()
        else:
            _, status = os.waitpid(command, 0)
        with rewritten(streams.record) as file:
            records.write(file)
        os._exit(exit_code(status))
    except BaseException as error:
        tell(streams.report, {"broken": f"{error!r} at {_place(error)}"})
    finally:
        os._exit(SET_UP_FAILED)


def _place(error: BaseException) -> str:
    """Where an error that nobody expected was raised."""
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _kernel(
    supervised: Supervised, state: tuple[Contexts, Records], redirects: Redirects, network: bool
) -> Kernel:
    contexts, records = state
    architecture = of_this_machine()
    mounts = [
        Mount(os.fsencode(m.place), os.fsencode(m.host), m.recorded, m.read_only) for m in supervised.mounts
    ]
    view = View(os.fsencode(supervised.folder), mounts)
    own = os.fsencode(supervised.own)
    executables = Executables(own + b"/x", architecture)
    owners = Owners(records, (os.geteuid(), os.getegid()))
    lookup = Lookup(view, contexts, Walker(view, owners, ProcLinks(view, contexts, executables)))
    foreign = frozenset(os.stat(m.host).st_dev for m in mounts if not m.recorded)
    ours = {os.stat(m.host).st_dev for m in mounts if m.recorded} | {os.stat(view.root).st_dev}
    without_names = nameless.devices()
    return Kernel(
        view=view,
        owners=owners,
        told=Told(records, view.covered),
        contexts=contexts,
        lookup=lookup,
        executables=executables,
        redirects=redirects,
        listener=redirects.listener,
        affinity=Affinity(contexts),
        memory=contexts.memory,
        vectors=Vectors(contexts.memory),
        ports=Ports(),
        folder=own + b"/s",
        foreign_devices=foreign - ours | without_names,
        nameless_devices=without_names,
        network=network,
    )


def _start(
    order: tuple[Launch, Supervised], streams: Streams, connection: socket.socket, exec_key: int
) -> NoReturn:
    """The command's process: from its first call on it sees the image, as root."""
    launch, supervised = order

    def enclose() -> None:
        os.chdir(supervised.folder)
        if resource.getrlimit(RLIMIT_LOCKS)[1] != resource.RLIM_INFINITY:
            raise OSError(
                errno.EPERM, "it has to be unlimited (ulimit -x unlimited)", "the limit of file locks"
            )
        # In a domain other processes of this user, such as the shell of the CI's job, are out of reach, and
        # so are files outside of the image for the few calls that a thread makes itself (redirect.py).
        if landlock.version() >= 1:
            places = (mount.host for mount in supervised.mounts)
            landlock.enclose_in((supervised.folder, supervised.own, *places))
        network = launch.process.network != "none"
        code = program(of_this_machine(), HANDLERS, network=network, exec_key=exec_key)
        listener = seccomp.install(code, wait_killable=True)
        hang(of_this_machine(), exec_key, PAUSE)
        hand_over(connection.fileno(), listener)
        os.close(listener)
        # Else nobody may look into its memory; nobody but the supervisor is here to look.
        prctl("PR_SET_DUMPABLE", n.PR_SET_DUMPABLE, 1)

    become(launch, streams, enclose=enclose)


def _listener(connection: socket.socket) -> Listener | None:
    """What the command's process sends once it is enclosed; None: it failed and has told why."""
    with connection:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    return Listener(descriptors[0]) if descriptors else None
