"""What the kernel permits here, found out by doing it in a child."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ci_builder.executors.apart import apart
from ci_builder.executors.identity import enter_user_namespace, possible_maps
from ci_builder.executors.linux import landlock, ptrace, seccomp
from ci_builder.executors.linux import numbers as n
from ci_builder.executors.linux.architecture import of_this_machine
from ci_builder.executors.linux.calls import mount, prctl, system_call, unshare
from ci_builder.executors.linux.capabilities import SYS_ADMIN, effective
from ci_builder.executors.overlay_mount import find_options
from ci_builder.executors.surroundings.sysctls import PTRACE, USER_NAMESPACES, read_sysctls
from ci_builder.values import dataclass, replace

_SECONDS = 20.0
_ROOT_OPTIONS: tuple[str, ...] = ("index=off", "")
_USER_OPTIONS: tuple[str, ...] = ("userxattr",)

_IDS = {"all": "with every id", "ranges": "with the ids of /etc/subuid", "single": "with a single id"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of trying: ``detail`` says how it works or why it does not, in one line; ``sysctls`` are
    the (name, value) pairs that have a say in it."""

    ok: bool
    detail: str
    sysctls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Permitted:
    """``ids`` is how a user namespace maps ids (see IdMap), empty where there is none; ``landlock`` the
    ABI, 0 where there is none."""

    user_namespaces: Attempt
    overlay: Attempt
    ptrace: Attempt
    seccomp_notification: Attempt
    landlock: int
    ids: str = ""


def try_everything(state: Path) -> Permitted:
    """Try in children; ``state`` is a private folder where builds have theirs, empty afterwards as
    before. This process must have one thread."""
    namespace = replace(_tried(_user_namespace), sysctls=read_sysctls(USER_NAMESPACES))
    ids = namespace.detail if namespace.ok else ""
    return Permitted(
        replace(namespace, detail=_IDS.get(ids, namespace.detail)),
        _tried(lambda: _overlay(state)),
        replace(_tried(_ptrace), sysctls=read_sysctls(PTRACE)),
        _tried(_notification),
        landlock.version(),
        ids,
    )


def _tried(action: Callable[[], str]) -> Attempt:
    answer = apart(action, _SECONDS)
    return Attempt(answer.ok, answer.text)


def _user_namespace() -> str:
    return enter_user_namespace(possible_maps(), n.CLONE_NEWNS).kind


def _overlay(state: Path) -> str:
    options = _ROOT_OPTIONS
    if SYS_ADMIN in effective():
        unshare(n.CLONE_NEWNS)
    else:
        enter_user_namespace(possible_maps(), n.CLONE_NEWNS)
        options = _USER_OPTIONS
    mount("none", "/", flags=n.MS_REC | n.MS_PRIVATE)
    found = find_options(state, options)
    return f"in the temporary folder{f' ({found})' if found else ''}"


def _ptrace() -> str:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        ptrace.seize(child)
        ptrace.interrupt(child)
        os.waitpid(child, 0)
        ptrace.Registers(of_this_machine()).load(child)
    finally:
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return "of a child"


def _notification() -> str:
    """A process's call is answered by this one, as a supervisor does."""
    number = of_this_machine().calls["getppid"]
    prctl("PR_SET_NO_NEW_PRIVS", n.PR_SET_NO_NEW_PRIVS, 1)
    listener = seccomp.listen([number])
    child = os.fork()
    if child == 0:
        # Answered with 0, which no process outside of a namespace is told by the kernel.
        os._exit(0 if system_call("getppid", number) == 0 else 1)
    notification = seccomp.receive(listener)
    if notification is not None:
        seccomp.answer(listener, notification)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise OSError(38, "the answer did not arrive", "seccomp user notification")
    return "a call was answered"
