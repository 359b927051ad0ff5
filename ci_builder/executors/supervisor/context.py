"""Who a process seems to be: ids, capabilities, umask and root directory (credentials(7)).

A context has to follow fork and exec without the supervisor seeing either. The kernel carries a tag for
it: the soft limit RLIMIT_LOCKS, which it has not looked at since Linux 2.4.25 (getrlimit(2)), which every
child inherits and which the supervisor can read and set in one call. Threads of a process share it, as
glibc makes them share their ids. A process outside of the command has no tag.
"""

from __future__ import annotations

import errno
import os
import resource
import struct

from ci_builder.executors.linux.memory import Memory
from ci_builder.values import dataclass, replace

RLIMIT_LOCKS = 10
_MARK = 0x5EED << 46  # a limit that no program sets
_MOST = 1 << 20  # contexts of one supervisor

CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID = 0, 1, 2, 3, 4
KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, MKNOD, SETFCAP = 5, 6, 7, 8, 10, 18, 27, 31
# What docker leaves to a container's root: chown dac_override fowner fsetid kill setgid setuid setpcap
# net_bind_service net_raw sys_chroot mknod audit_write setfcap.
ROOT_CAPABILITIES = 0xA80425FB
_FILE_CAPABILITIES = (
    1 << CHOWN | 1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH | 1 << FOWNER | 1 << FSETID | 1 << MKNOD
)


@dataclass(frozen=True, slots=True)
class Ids:
    """Real, effective, saved and file system id."""

    real: int
    effective: int
    saved: int
    file: int

    @staticmethod
    def all(number: int) -> Ids:
        """Four times the same."""
        return Ids(number, number, number, number)

    def holds(self, number: int) -> bool:
        """Whether an unprivileged process may take ``number`` (setresuid(2))."""
        return number in (self.real, self.effective, self.saved)


_REVISION_2 = 20  # bytes; revision 3 has the namespace's root behind them


@dataclass(frozen=True, slots=True)
class FileCapabilities:
    """What the attribute security.capability of a program says."""

    permitted: int
    inheritable: int
    effective: bool

    @staticmethod
    def parse(data: bytes) -> FileCapabilities | None:
        """From the attribute, revision 2 or 3 (20 or 24 bytes); None: they are for another user namespace, or
        are none at all."""
        if len(data) < _REVISION_2 or any(data[_REVISION_2:]):
            return None
        magic, low, low_inherited, high, high_inherited = struct.unpack_from("<5I", data)
        return FileCapabilities(low | high << 32, low_inherited | high_inherited << 32, bool(magic & 1))


@dataclass(frozen=True, slots=True)
class Context:
    """``root`` is the directory that a chroot made ``/``, as an absolute path of the image without
    trailing slash: empty for the image's own. Capabilities are sets of bits."""

    user: Ids
    group: Ids
    groups: tuple[int, ...] = ()
    permitted: int = 0
    effective: int = 0
    inheritable: int = 0
    bounding: int = ROOT_CAPABILITIES
    keep_capabilities: bool = False
    no_new_privileges: bool = False
    umask: int = 0o022
    root: bytes = b""

    @staticmethod
    def of(uid: int, gid: int, groups: tuple[int, ...]) -> Context:
        """As docker starts a command."""
        held = ROOT_CAPABILITIES if uid == 0 else 0
        return Context(Ids.all(uid), Ids.all(gid), groups, held, held)

    def may(self, capability: int) -> bool:
        """Whether it has the capability with this number."""
        return bool(self.effective >> capability & 1)

    @property
    def ignores_permissions(self) -> bool:
        """Whether files' permissions do not matter to it."""
        return bool(self.effective >> DAC_OVERRIDE & 1)

    @property
    def is_real(self) -> bool:
        """Whether its files are looked for as its real user and group."""
        return self.user.real == self.user.file and self.group.real == self.group.file

    @property
    def _is_settled(self) -> bool:
        """Whether an ordinary program changes nothing."""
        user, group = self.user, self.group
        if not (user.real == user.effective == user.saved == user.file) or self.keep_capabilities:
            return False
        held = self.bounding | self.inheritable if user.real == 0 else 0
        same_group = group.real == group.effective == group.saved == group.file
        return same_group and self.permitted == self.effective == held

    def is_in_group(self, gid: int) -> bool:
        """Whether ``gid`` is its file system group or one of its others."""
        return gid == self.group.file or gid in self.groups

    def with_user(self, user: Ids) -> Context:
        """Other user ids, with what that does to capabilities (capabilities(7))."""
        permitted, effective = self.permitted, self.effective
        before, after = self.user, user
        had_zero = 0 in (before.real, before.effective, before.saved)
        if had_zero and 0 not in (after.real, after.effective, after.saved) and not self.keep_capabilities:
            permitted = effective = 0
        if before.effective == 0 != after.effective:
            effective = 0
        elif before.effective != 0 == after.effective:
            effective = permitted
        if before.effective == after.effective and before.file != after.file:
            effective = _after_file_id(effective, permitted, before.file, after.file)
        return replace(self, user=user, permitted=permitted, effective=effective)

    def executing(self, uid: int | None, gid: int | None, file: FileCapabilities | None) -> Context:
        """After an exec; ``uid`` and ``gid`` are those of a program with setuid or setgid bits, ``file`` its
        capabilities (execve(2); capabilities(7), "Transformation of capabilities during execve()"). Raises
        OSError (EPERM) for a program that needs capabilities which it cannot have."""
        if self.no_new_privileges:
            uid = gid = file = None
        if uid is None and gid is None and file is None and self._is_settled:
            return self
        effective = self.user.effective if uid is None else uid
        user = Ids(self.user.real, effective, effective, effective)
        group_id = self.group.effective if gid is None else gid
        group = Ids(self.group.real, group_id, group_id, group_id)
        permitted = held = 0
        if file is not None:
            permitted = file.permitted & self.bounding | file.inheritable & self.inheritable
            held = permitted if file.effective else 0
            if file.effective and file.permitted & ~permitted:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        only_file = file is not None and user.real != 0  # setuid root gives nothing more then
        if 0 in (user.real, user.effective) and not only_file:
            permitted = self.bounding | self.inheritable
            held = permitted if effective == 0 else 0
        return replace(
            self,
            user=user,
            group=group,
            permitted=permitted,
            effective=held,
            keep_capabilities=False,
        )


def _after_file_id(effective: int, permitted: int, before: int, after: int) -> int:
    if before == 0 != after:
        return effective & ~_FILE_CAPABILITIES
    if before != 0 == after:
        return effective | permitted & _FILE_CAPABILITIES
    return effective


def first_tag(supervisor: int) -> int:
    """The tag of the first context of a supervisor's command."""
    return _MARK + supervisor * _MOST


class Contexts:
    """The contexts of all processes of a command; ``initial`` is the first one's, ``supervisor`` the process
    number that sets its tags apart from others'.

    That of whoever called last is known still while its memory, which is read for most calls, is the same."""

    def __init__(self, initial: Context, supervisor: int, memory: Memory[Context]) -> None:
        self.initial = initial
        self.memory = memory
        self.first_tag = first_tag(supervisor)
        self._known = [initial]
        self._numbers = {initial: 0}
        self._task = -1
        self._context = initial

    def forget(self) -> None:
        """Another call is being answered: what was found of a thread may hold no longer."""
        self._task = self.memory.read_of = -1

    def note(self, task: int, context: Context) -> None:
        """``task`` has this context: there is no need to ask."""
        if self.memory.read_of == task:
            self.memory.note = context

    def of(self, task: int) -> Context:
        """The context of a thread. Raises OSError (ESRCH) when it is gone or none of the command's."""
        if task == self._task:
            return self._context
        memory = self.memory
        if memory.read_of == task and memory.note is not None:
            return memory.note
        number = resource.prlimit(task, RLIMIT_LOCKS)[0] - self.first_tag
        if not 0 <= number < len(self._known):
            raise ProcessLookupError(3, "no process of this command")
        context = self._context = self._known[number]
        self._task = task
        self.note(task, context)
        return context

    def pretend(self, task: int, context: Context) -> None:
        """Take ``context`` for that of ``task`` until another call is answered."""
        self._task = task
        self._context = context

    def put(self, task: int, context: Context) -> None:
        """Give a thread's process another context. Raises OSError."""
        self._task = -1
        self.memory.note = None
        number = self._numbers.get(context)
        if number is None:
            number = len(self._known)
            if number >= _MOST:
                raise OSError(11, "too many different users")
            self._known.append(context)
            self._numbers[context] = number
        resource.prlimit(task, RLIMIT_LOCKS, (self.first_tag + number, resource.RLIM_INFINITY))

    def holds(self, task: int) -> bool:
        """Whether the thread belongs to the command."""
        try:
            self.of(task)
        except OSError:
            return False
        return True
