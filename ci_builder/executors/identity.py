"""Which user and group ids a user namespace maps, and moving this process into one (user_namespaces(7))."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from typing import Literal

from ci_builder.errors import ExecutorError
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.calls import describe, unshare
from ci_builder.values import dataclass

Kind = Literal["all", "ranges", "single"]


@dataclass(frozen=True, slots=True)
class Extent:
    """``count`` ids from ``inside`` on stand for those from ``outside`` on."""

    inside: int
    outside: int
    count: int


@dataclass(frozen=True, slots=True)
class IdMap:
    """One way to map ids. ``all``: every id stands for itself (the process is root already);
    ``ranges``: from /etc/subuid by newuidmap; ``single``: only root inside, the user outside."""

    kind: Kind
    uids: tuple[Extent, ...]
    gids: tuple[Extent, ...]


def possible_maps() -> tuple[IdMap, ...]:
    """The maps that are worth a try for this process, best first."""
    uid, gid = os.geteuid(), os.getegid()
    single = IdMap("single", (Extent(0, uid, 1),), (Extent(0, gid, 1),))
    if uid == 0:
        return (IdMap("all", _identity("/proc/self/uid_map"), _identity("/proc/self/gid_map")), single)
    names = (_user_name(uid), str(uid))
    uids, gids = _subordinate("/etc/subuid", names), _subordinate("/etc/subgid", names)
    if not uids or not gids:
        return (single,)
    return (IdMap("ranges", _stacked(uid, uids), _stacked(gid, gids)), single)


def enter_user_namespace(maps: Sequence[IdMap], more_flags: int) -> IdMap:
    """Move this process into a new user namespace (and those of ``more_flags``) as its root.

    A forked process that stays outside writes the first of ``maps`` that is permitted. This process
    must have one thread. Raises ExecutorError or OSError; the process is of no use afterwards.
    """
    go_read, go_write = os.pipe()
    said_read, said_write = os.pipe()
    target = os.getpid()
    outside = os.fork()
    if outside == 0:
        os.close(go_write)
        os.close(said_read)
        _stay_outside(target, maps, go_read, said_write)
    os.close(go_read)
    os.close(said_write)
    try:
        unshare(n.CLONE_NEWUSER | more_flags)
        os.write(go_write, b"g")
        answer = os.read(said_read, 4096).decode("utf-8", "replace")
    finally:
        os.close(go_write)
        os.close(said_read)
        os.waitpid(outside, 0)
    if not answer.isdigit():
        raise ExecutorError(f"user ids cannot be mapped: {answer or 'the mapping process died'}")
    taken = maps[int(answer)]
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    return taken


def _stay_outside(target: int, maps: Sequence[IdMap], go: int, said: int) -> None:
    answer = "unexpected failure"
    try:
        if os.read(go, 1) == b"g":
            answer = _first_permitted(target, maps)
    except BaseException as error:
        answer = repr(error)
    finally:
        try:
            os.write(said, answer.encode()[:4000])
        finally:
            os._exit(0)


def _first_permitted(target: int, maps: Sequence[IdMap]) -> str:
    refusals = []
    for position, candidate in enumerate(maps):
        try:
            _write(target, candidate)
        except (OSError, subprocess.SubprocessError) as error:
            refusals.append(f"{candidate.kind}: {_reason(error)}")
        else:
            return str(position)
    return "; ".join(refusals)


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{error.cmd[0]}: {(error.stderr or b'').decode('utf-8', 'replace').strip()}"
    return describe(error) if isinstance(error, OSError) else str(error)


def _write(target: int, ids: IdMap) -> None:
    if ids.kind == "ranges":
        _by_program("newuidmap", target, ids.uids)
        _by_program("newgidmap", target, ids.gids)
        return
    if ids.kind == "single":
        _put(f"/proc/{target}/setgroups", "deny")
    _put(f"/proc/{target}/uid_map", _lines(ids.uids))
    _put(f"/proc/{target}/gid_map", _lines(ids.gids))


def _by_program(program: str, target: int, extents: tuple[Extent, ...]) -> None:
    numbers = [str(item) for extent in extents for item in (extent.inside, extent.outside, extent.count)]
    folders = ("/usr/bin", "/bin", "/usr/local/bin")
    found = [f"{folder}/{program}" for folder in folders if os.access(f"{folder}/{program}", os.X_OK)]
    if not found:
        raise FileNotFoundError(2, "not installed (package uidmap)", program)
    subprocess.run([found[0], str(target), *numbers], check=True, env={}, capture_output=True)


def _put(path: str, text: str) -> None:
    # Not a buffered file: that one would report a refusal only when it is closed.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)


def _lines(extents: tuple[Extent, ...]) -> str:
    return "".join(f"{item.inside} {item.outside} {item.count}\n" for item in extents)


def _identity(path: str) -> tuple[Extent, ...]:
    with open(path, encoding="ascii") as table:
        rows = [line.split() for line in table]
    return tuple(Extent(int(row[0]), int(row[0]), int(row[2])) for row in rows)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _subordinate(path: str, names: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The (first, count) pairs that belong to one of ``names`` (subuid(5))."""
    try:
        with open(path, encoding="utf-8", errors="replace") as table:
            rows = [line.strip().split(":") for line in table]
    except OSError:
        return ()
    mine = [row for row in rows if len(row) == 3 and row[0] in names]
    return tuple((int(row[1]), int(row[2])) for row in mine if row[1].isdigit() and row[2].isdigit())


def _stacked(own: int, ranges: tuple[tuple[int, int], ...]) -> tuple[Extent, ...]:
    extents = [Extent(0, own, 1)]
    following = 1
    for first, count in ranges:
        extents.append(Extent(following, first, count))
        following += count
    return tuple(extents)
