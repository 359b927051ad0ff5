"""Makes chown, mknod and changes of user succeed in a namespace of a single id, and tells what was done.

Runs in process 1 of the command's namespace, which has the same root as the command: paths mean the same.
Owners and devices are kept as facts. A change of user is only pretended, and said to the user as a
remark: files that such a process makes are root's.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Callable
from dataclasses import dataclass, field

from ci_builder.executors.facts import KEEP, Fact, make_stand_in
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.seccomp import Notification, answer, is_waiting, let_it_go_on, receive

_AT_SYMLINK_NOFOLLOW = 0x100
_RENAME_EXCHANGE = 2
_DEVICES = (stat_module.S_IFCHR, stat_module.S_IFBLK)
_PAGE = 4096
_WAITING = 100  # open descriptors of files whose removal is not seen yet

Handler = Callable[["FakeIds", Notification], bool]


@dataclass(slots=True)
class FakeIds:
    """Answers the notifications of ``listener``. ``facts`` and ``remarks`` grow."""

    listener: int
    facts: list[Fact] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _handlers: dict[int, Handler] = field(default_factory=dict)
    _removing: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._handlers = _handlers(n.of_this_machine())

    def serve(self) -> None:
        """Answer one notification."""
        notification = receive(self.listener)
        if notification is None:
            return
        self._settle(notification.task)
        try:
            done = self._handlers[notification.number](self, notification)
        except OSError as error:
            answer(self.listener, notification, error.errno or 1)
        else:
            (answer if done else let_it_go_on)(self.listener, notification)

    def finish(self) -> None:
        """See to what is still open."""
        for task in list(self._removing):
            self._settle(task)

    def watch_removal(self, notification: Notification, path: str) -> None:
        """The call may remove the last name of ``path``: found out at the task's next call."""
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(descriptor)
            if found.st_nlink > 1 and not stat_module.S_ISDIR(found.st_mode):
                os.close(descriptor)
                return
            self._removing[notification.task] = descriptor
        if len(self._removing) > _WAITING:
            self.finish()

    def path(self, notification: Notification, folder: int | None, pointer: int) -> str:
        """A path that means here what the call's means there; ``folder`` is its directory descriptor."""
        task = _number_here(notification.task)
        text = _read_text(task, pointer)
        if not is_waiting(self.listener, notification):
            raise ProcessLookupError(3, "it has ended")
        if text.startswith("/"):
            return text
        if folder is None or _signed(folder) == n.AT_FDCWD:
            return f"/proc/{task}/cwd/{text}"
        return f"/proc/{task}/fd/{_signed(folder)}/{text}" if text else f"/proc/{task}/fd/{_signed(folder)}"

    def own(self, path: str, uid: int, gid: int, *, follow: bool) -> None:
        """Give the file to others: noted, after the kernel did what it does for any owner."""
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(path, flags)
        try:
            os.chown(f"/proc/self/fd/{descriptor}", 0, 0)
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self.facts.append(Fact("owned", found.st_dev, found.st_ino, uid & KEEP, gid & KEEP))

    def remark(self, task: int, ids: tuple[int, ...]) -> None:
        """Say once that a program only seems to be another user."""
        with open(f"/proc/{_number_here(task)}/comm", encoding="utf-8", errors="replace") as name:
            others = sorted({item & KEEP for item in ids} - {0, KEEP})
            text = f"{name.read().strip()} changed to the id {', '.join(map(str, others))}"
        if text not in self.remarks:
            self.remarks.append(text)

    def _settle(self, task: int) -> None:
        descriptor = self._removing.pop(task, None)
        if descriptor is None:
            return
        found = os.fstat(descriptor)
        os.close(descriptor)
        if found.st_nlink == 0:
            self.facts.append(Fact("gone", found.st_dev, found.st_ino))


def notified_calls(root: bool) -> tuple[int, ...]:
    """The system calls that have to be told for a command that is ``root`` or not: another user may not
    give files away, make devices or change its ids. Raises OSError where the numbers are not known."""
    numbers = n.of_this_machine()
    if root:
        return tuple(_handlers(numbers))
    removals = (numbers.unlink, numbers.rmdir, numbers.rename)
    at = (numbers.unlinkat, numbers.renameat, numbers.renameat2)
    return tuple(number for number in (*removals, *at) if number >= 0)


def _handlers(numbers: n.Numbers) -> dict[int, Handler]:
    found: dict[int, Handler] = {
        numbers.chown: _chown,
        numbers.lchown: _lchown,
        numbers.fchown: _fchown,
        numbers.fchownat: _fchownat,
        numbers.mknod: lambda fake, call: _mknod(fake, call, None, call.arguments[0:3]),
        numbers.mknodat: lambda fake, call: _mknod(fake, call, call.arguments[0], call.arguments[1:4]),
        numbers.unlink: lambda fake, call: _removed(fake, call, None, call.arguments[0]),
        numbers.rmdir: lambda fake, call: _removed(fake, call, None, call.arguments[0]),
        numbers.unlinkat: lambda fake, call: _removed(fake, call, call.arguments[0], call.arguments[1]),
        numbers.rename: lambda fake, call: _removed(fake, call, None, call.arguments[1]),
        numbers.renameat: lambda fake, call: _removed(fake, call, call.arguments[2], call.arguments[3]),
        numbers.renameat2: _renameat2,
        numbers.setgroups: lambda fake, call: True,
    }
    for number, count in (
        (numbers.setuid, 1),
        (numbers.setgid, 1),
        (numbers.setreuid, 2),
        (numbers.setregid, 2),
        (numbers.setresuid, 3),
        (numbers.setresgid, 3),
        (numbers.setfsuid, 1),
        (numbers.setfsgid, 1),
    ):
        found[number] = lambda fake, call, count=count: _changed_ids(fake, call, count)  # type: ignore[misc]
    found.pop(-1, None)
    return found


def _chown(fake: FakeIds, call: Notification) -> bool:
    pointer, uid, gid, *_ = call.arguments
    fake.own(fake.path(call, None, pointer), uid, gid, follow=True)
    return True


def _lchown(fake: FakeIds, call: Notification) -> bool:
    pointer, uid, gid, *_ = call.arguments
    fake.own(fake.path(call, None, pointer), uid, gid, follow=False)
    return True


def _fchown(fake: FakeIds, call: Notification) -> bool:
    descriptor, uid, gid, *_ = call.arguments
    path = f"/proc/{_number_here(call.task)}/fd/{_signed(descriptor)}"
    fake.own(path, uid, gid, follow=True)
    return True


def _fchownat(fake: FakeIds, call: Notification) -> bool:
    folder, pointer, uid, gid, flags, _ = call.arguments
    path = fake.path(call, folder, pointer)
    empty = flags & n.AT_EMPTY_PATH and path.startswith("/proc/") and path.endswith(f"/{_signed(folder)}")
    fake.own(path, uid, gid, follow=bool(empty) or not flags & _AT_SYMLINK_NOFOLLOW)
    return True


def _mknod(fake: FakeIds, call: Notification, folder: int | None, rest: tuple[int, ...]) -> bool:
    pointer, mode, device = rest
    if stat_module.S_IFMT(mode) not in _DEVICES:
        return False
    found = make_stand_in(fake.path(call, folder, pointer))
    permissions = stat_module.S_IMODE(mode) & ~_umask(_number_here(call.task))
    whole = stat_module.S_IFMT(mode) | permissions
    fake.facts.append(Fact("node", found.st_dev, found.st_ino, whole, device))
    return True


def _removed(fake: FakeIds, call: Notification, folder: int | None, pointer: int) -> bool:
    # Whatever is wrong with the path, the kernel says it.
    with contextlib.suppress(OSError):
        fake.watch_removal(call, fake.path(call, folder, pointer))
    return False


def _renameat2(fake: FakeIds, call: Notification) -> bool:
    if call.arguments[4] & _RENAME_EXCHANGE:
        return False
    return _removed(fake, call, call.arguments[2], call.arguments[3])


def _changed_ids(fake: FakeIds, call: Notification, count: int) -> bool:
    ids = call.arguments[:count]
    if all(item & KEEP in (0, KEEP) for item in ids):
        return False
    fake.remark(call.task, ids)
    return True


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _read_text(task: int, pointer: int) -> str:
    """A zero-terminated string of another process, at most PATH_MAX long."""
    data = b""
    with open(f"/proc/{task}/mem", "rb", buffering=0) as memory:
        memory.seek(pointer)
        while b"\0" not in data:
            part = memory.read(_PAGE - (pointer + len(data)) % _PAGE)
            if not part or len(data) > _PAGE:
                raise OSError(36, "File name too long")
            data += part
    return os.fsdecode(data.partition(b"\0")[0])


def _umask(task: int) -> int:
    with open(f"/proc/{task}/status", encoding="utf-8", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


def _number_here(task: int) -> int:
    """The task's number in this /proc, which may be the one of an outer process namespace."""
    if os.readlink("/proc/self") == str(os.getpid()):
        return task
    for name in os.listdir("/proc"):
        if name.isdigit() and _inner_numbers(name)[-1:] == [task] and _same_namespace(name):
            return int(name)
    # Not the first thread of its process.
    for name in os.listdir("/proc"):
        if name.isdigit() and _same_namespace(name):
            for thread in _threads(name):
                if _inner_numbers(f"{name}/task/{thread}")[-1:] == [task]:
                    return int(thread)
    raise ProcessLookupError(3, "it has ended")


def _inner_numbers(name: str) -> list[int]:
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            if line.startswith("NSpid:"):
                return [int(item) for item in line.split()[1:]]
    return []


def _same_namespace(name: str) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{name}/ns/pid") == os.readlink("/proc/self/ns/pid")
    return False


def _threads(name: str) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(f"/proc/{name}/task")
    return []
