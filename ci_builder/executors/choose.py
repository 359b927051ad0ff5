"""Choosing an executor: by trying them, best first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ci_builder.errors import NoExecutor, UsageError
from ci_builder.executors.interface import Executor, Verdict
from ci_builder.executors.isolations import AUTO, NAMES, is_wanted
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """``executor`` is not entered yet. ``reason`` is for people, one line: why this one, and why better
    ones were refused; ``refusals`` are (name, reason) pairs; ``lacks``: see Verdict."""

    executor: Executor
    reason: str
    refusals: tuple[tuple[str, str], ...] = ()
    lacks: str = ""


def choose(isolation: str, needs_run: bool, executors: Iterable[Executor]) -> Choice:
    """The executor called ``isolation``, or for ``auto`` the first of ``executors`` that works here, one that
    lacks something only where no other does.

    ``needs_run``: whether a stage that is needed has a RUN. ``executors`` are taken one after another, so
    that they may be made on the way. Raises UsageError for an unknown name,
    NoExecutor with every reason when none works.
    """
    if isolation not in NAMES:
        raise UsageError(f"there is no isolation {isolation!r}", hint=f"one of {', '.join(NAMES)}")
    refusals: list[tuple[str, str]] = []
    remedies: list[str] = []
    lacking: Choice | None = None
    for executor in (item for item in executors if is_wanted(item.name, isolation)):
        verdict = _verdict(executor, needs_run)
        if verdict.ok:
            reason = _reason(executor, verdict, refusals)
            choice = Choice(executor, reason, tuple(refusals), verdict.lacks)
            if not verdict.lacks or isolation != AUTO:
                return choice
            lacking = lacking or choice
            refusals.append((executor.name, verdict.lacks))
        elif not _skipped(executor, needs_run, isolation):
            refusals.append((executor.name, verdict.reason))
            remedies += [verdict.remedy] if verdict.remedy else []
    if lacking is not None:
        return lacking
    what = "RUN cannot be done here" if isolation == AUTO else f"the isolation {isolation} does not work here"
    raise NoExecutor(what, refusals, hint="; or ".join(dict.fromkeys(remedies)))


def _verdict(executor: Executor, needs_run: bool) -> Verdict:
    if executor.name == "none" and needs_run:
        return Verdict(False, "the Dockerfile has a RUN", "use --isolation=auto")
    return executor.probe()


def _skipped(executor: Executor, needs_run: bool, isolation: str) -> bool:
    return isolation == AUTO and executor.name == "none" and needs_run


def _reason(executor: Executor, verdict: Verdict, refusals: Sequence[tuple[str, str]]) -> str:
    refused = "".join(f"; {name}: {why}" for name, why in refusals)
    return f"{executor.name}: {verdict.reason}{refused}"
