"""What every handler works with: the state of one command's supervisor."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from ci_builder.executors.linux.listener import Listener
from ci_builder.executors.linux.memory import Memory
from ci_builder.executors.supervisor.affinity import Affinity
from ci_builder.executors.supervisor.auxiliary import Vectors
from ci_builder.executors.supervisor.call import Call, failure
from ci_builder.executors.supervisor.context import KILL, Context, Contexts
from ci_builder.executors.supervisor.executables import Executables
from ci_builder.executors.supervisor.found import Found
from ci_builder.executors.supervisor.lookup import Lookup
from ci_builder.executors.supervisor.members import members
from ci_builder.executors.supervisor.owners import Owners
from ci_builder.executors.supervisor.permissions import EXECUTE, WRITE, need
from ci_builder.executors.supervisor.ports import Ports
from ci_builder.executors.supervisor.redirect import Redirects
from ci_builder.executors.supervisor.told import Told
from ci_builder.executors.supervisor.view import View
from ci_builder.rootfs.record import Key
from ci_builder.values import dataclass

_SETTINGS = (b"/sys/", b"/proc/sys/")
ANSWERED = None
"""What a handler returns that has answered by itself."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """``folder`` is a private folder for what needs a short path; ``foreign_devices`` are the file systems
    (st_dev) whose permissions are the kernel's, ``nameless_devices`` those of them whose files have no name;
    ``network``: whether there is one."""

    view: View
    owners: Owners
    told: Told
    contexts: Contexts
    lookup: Lookup
    executables: Executables
    redirects: Redirects
    listener: Listener
    affinity: Affinity
    memory: Memory[Context]
    vectors: Vectors
    ports: Ports
    folder: bytes
    foreign_devices: frozenset[int]
    nameless_devices: frozenset[int]
    network: bool

    def signal_all(self, sender: int, number: int) -> int:
        """kill(2) with -1: every other process of the command. Raises OSError (ESRCH) when there is none."""
        others = [process for process in members(self.contexts) if process != sender]
        return self._signal(sender, others, number)

    def signal_group(self, sender: int, group: int, number: int) -> int:
        """kill(2) with a process group of the command. Raises OSError (ESRCH, EPERM)."""
        inside = [process for process in members(self.contexts) if group_of(process) == group]
        return self._signal(sender, inside, number)

    def may_signal(self, sender: Context, receiver: Context) -> bool:
        """As the pretended users have it (kill(2))."""
        mine = {sender.user.real, sender.user.effective}
        return sender.may(KILL) or bool({receiver.user.real, receiver.user.saved} & mine)

    def _signal(self, sender: int, processes: Sequence[int], number: int) -> int:
        if not processes:
            raise failure(errno.ESRCH)
        who, reached = self.contexts.of(sender), False
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                if self.may_signal(who, self.contexts.of(process)):
                    reached = True
                    os.kill(process, number)
        if not reached:
            raise failure(errno.EPERM)
        return 0

    def let_go_on(self, call: Call) -> int | None:
        """The kernel does ``call`` as it is: what a handler returns then."""
        self.listener.let_go_on(call.cookie)
        return ANSWERED

    def forget_paths(self) -> None:
        """A file gets a name, or loses one: what was remembered of paths may hold no longer."""
        self.executables.forget_paths()
        self.lookup.forget_paths()

    def need_seen(self, task: int, link: bytes, key: Key) -> None:
        """Kill ``task`` unless ``link`` (of /proc) leads to the file ``key`` or to another one of the view:
        its path was changed in its memory after it was looked at."""
        with contextlib.suppress(OSError):
            found = os.stat(link)
            if (found.st_dev, found.st_ino) == key or self.view.place_of(os.readlink(link)) is not None:
                return
        # Of one that was killed meanwhile nothing is to be seen any more.
        with contextlib.suppress(ProcessLookupError):
            os.kill(task, signal.SIGKILL)

    def is_recorded(self, found: Found) -> bool:
        """Whether the record has the word on a file, and not the kernel (/proc, devices)."""
        return found.key[0] not in self.foreign_devices

    def need_writable(self, found: Found) -> None:
        """Raises OSError (EROFS) for a file, or a directory's name, that nobody may change: a supervisor of
        root might change the machine's settings."""
        if not self.is_recorded(found) and os.readlink(found.path).startswith(_SETTINGS):
            raise failure(errno.EROFS)
        if self.view.has_read_only and self.view.is_read_only(os.readlink(found.path)):
            raise failure(errno.EROFS)

    def need_same_mount(self, one: Found, other: Found) -> None:
        """Raises OSError (EXDEV) unless both lie in the image, or in the same mount."""
        if one.key == other.key:
            return
        try:
            first, second = (self.view.mount_of(os.readlink(found.path)) for found in (one, other))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return  # so deep that nobody knows
        if first is not second:
            raise failure(errno.EXDEV)

    def may_search(self, context: Context, parent: Found) -> None:
        """Raises OSError (EACCES) unless ``context`` may look names up in ``parent``."""
        if not context.ignores_permissions:
            need(context, self.owners.of(parent), EXECUTE)

    def may_change(self, context: Context, parent: Found) -> None:
        """Raises OSError (EACCES) unless ``context`` may make and remove names in ``parent``."""
        if not context.ignores_permissions:
            need(context, self.owners.of(parent), WRITE | EXECUTE)


def group_of(process: int) -> int:
    """The process group of a process, -1 when it is gone."""
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return -1


Handler = Callable[[Kernel, Call], "int | None"]
"""Does a call; returns its result, negative: an errno that it fails with, or ANSWERED. Raises OSError: the
call fails so."""

Handlers = Mapping[str, Handler]
