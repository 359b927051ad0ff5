"""Makes chown, mknod and changes of user succeed in a namespace of a single id, and tells what was done.

Runs in process 1 of the command's namespace, which has the same root as the command: paths mean the same.
Owners and devices are recorded. A change of user is only pretended, and said to the user as a
remark: files that such a process makes are root's.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from collections.abc import Callable

from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.raw_stat import raw_stat, raw_statx
from ci_builder.executors.linux.seccomp import Notification, answer, is_waiting, let_it_go_on, receive
from ci_builder.executors.linux.task import Numbering, read_text, signed, umask_of, write_bytes
from ci_builder.executors.single_id import KEEP, SingleIdOwnership, make_stand_in
from ci_builder.values import dataclass, field

_AT_SYMLINK_NOFOLLOW = 0x100
_RENAME_EXCHANGE = 2
_DEVICES = (stat_module.S_IFCHR, stat_module.S_IFBLK)
_WAITING = 100  # open descriptors of files whose removal is not seen yet

Handler = Callable[["FakeIds", Notification], bool]


@dataclass(slots=True)
class FakeIds:
    """Answers the notifications of ``listener``. ``record`` is what is known already; it and ``remarks``
    grow."""

    listener: int
    record: SingleIdOwnership
    remarks: list[str] = field(default_factory=list)
    _handlers: dict[int, Handler] = field(default_factory=dict)
    _removing: dict[int, int] = field(default_factory=dict)
    _numbering: Numbering = field(default_factory=Numbering)

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
        task = self.task(notification)
        text = read_text(task, pointer)
        if not is_waiting(self.listener, notification):
            raise ProcessLookupError(3, "it has ended")
        if text.startswith("/") or not text:
            return text
        return f"{self.folder(task, folder)}/{text}"

    def folder(self, task: int, folder: int | None) -> str:
        """The open file or directory that a call names by descriptor; None: the working directory."""
        if folder is None or signed(folder) == n.AT_FDCWD:
            return f"/proc/{task}/cwd"
        return f"/proc/{task}/fd/{signed(folder)}"

    def own(self, path: str, uid: int, gid: int, *, follow: bool) -> None:
        """Give the file to others: noted, after the kernel did what it does for any owner."""
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(path, flags)
        try:
            os.chown(f"/proc/self/fd/{descriptor}", 0, 0)
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self.record.given((found.st_dev, found.st_ino), uid & KEEP, gid & KEEP)

    def show(
        self, notification: Notification, path: str, *, follow: bool, into: tuple[int, tuple[int, int] | None]
    ) -> bool:
        """Fill the call's struct stat, or statx (``into``: pointer, and flags and mask of a statx), with the
        recorded owner; False when the kernel's word holds."""
        pointer, statx = into
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        try:
            descriptor = os.open(path, flags)
        except OSError:
            return False  # whatever is wrong, the kernel says it
        try:
            found = os.fstat(descriptor)
            if self.record.records.get((found.st_dev, found.st_ino)) is None:
                return False
            status = self.record.status(found)
            data = raw_statx(descriptor, status, *statx) if statx else raw_stat(descriptor, status)
        finally:
            os.close(descriptor)
        write_bytes(self.task(notification), pointer, data)
        return True

    def task(self, notification: Notification) -> int:
        """The name of the notification's task in /proc. Raises ProcessLookupError."""
        return self._numbering.here(notification.task)

    def remark(self, notification: Notification, ids: tuple[int, ...]) -> None:
        """Say once that a program only seems to be another user."""
        with open(f"/proc/{self.task(notification)}/comm", encoding="utf-8", errors="replace") as name:
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
            self.record.removed((found.st_dev, found.st_ino))


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
        numbers.stat: lambda fake, call: _stat(fake, call, follow=True),
        numbers.lstat: lambda fake, call: _stat(fake, call, follow=False),
        numbers.fstat: _fstat,
        numbers.newfstatat: _newfstatat,
        numbers.statx: _statx,
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
    path = f"/proc/{fake.task(call)}/fd/{signed(descriptor)}"
    fake.own(path, uid, gid, follow=True)
    return True


def _fchownat(fake: FakeIds, call: Notification) -> bool:
    folder, pointer, uid, gid, flags, _ = call.arguments
    path, follow = _object(fake, call, (folder, pointer), flags)
    fake.own(path, uid, gid, follow=follow)
    return True


def _mknod(fake: FakeIds, call: Notification, folder: int | None, rest: tuple[int, ...]) -> bool:
    pointer, mode, device = rest
    if stat_module.S_IFMT(mode) not in _DEVICES:
        return False
    found = make_stand_in(fake.path(call, folder, pointer))
    permissions = stat_module.S_IMODE(mode) & ~umask_of(fake.task(call))
    whole = stat_module.S_IFMT(mode) | permissions
    fake.record.made_device((found.st_dev, found.st_ino), whole, device)
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


def _stat(fake: FakeIds, call: Notification, *, follow: bool) -> bool:
    path = fake.path(call, None, call.arguments[0])
    return fake.show(call, path, follow=follow, into=(call.arguments[1], None))


def _fstat(fake: FakeIds, call: Notification) -> bool:
    path = f"/proc/{fake.task(call)}/fd/{signed(call.arguments[0])}"
    return fake.show(call, path, follow=True, into=(call.arguments[1], None))


def _newfstatat(fake: FakeIds, call: Notification) -> bool:
    folder, pointer, into, flags, *_ = call.arguments
    path, follow = _object(fake, call, (folder, pointer), flags)
    return fake.show(call, path, follow=follow, into=(into, None))


def _statx(fake: FakeIds, call: Notification) -> bool:
    folder, pointer, flags, mask, into, _ = call.arguments
    path, follow = _object(fake, call, (folder, pointer), flags)
    return fake.show(call, path, follow=follow, into=(into, (flags & 0xFFFFFFFF, mask & 0xFFFFFFFF)))


def _object(fake: FakeIds, call: Notification, where: tuple[int, int], flags: int) -> tuple[str, bool]:
    """What a call with a directory, a path and AT_* flags means, and whether a link is followed."""
    folder, pointer = where
    text = fake.path(call, folder, pointer) if pointer else ""
    if flags & n.AT_EMPTY_PATH and not text:
        return fake.folder(fake.task(call), folder), True
    return text, not flags & _AT_SYMLINK_NOFOLLOW


def _changed_ids(fake: FakeIds, call: Notification, count: int) -> bool:
    ids = call.arguments[:count]
    if all(item & KEEP in (0, KEEP) for item in ids):
        return False
    fake.remark(call, ids)
    return True
