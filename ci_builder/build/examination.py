"""Which executors work here, proved, and which of them a build would take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ci_builder.build.elsewhere import places
from ci_builder.build.self_test import SelfTest, SelfTests
from ci_builder.errors import NoExecutor
from ci_builder.executors.choose import choose
from ci_builder.executors.chroot import ChrootExecutor
from ci_builder.executors.executable_folder import Elsewhere
from ci_builder.executors.in_place import InPlaceExecutor
from ci_builder.executors.interface import Executor, Verdict
from ci_builder.executors.isolations import AUTO, AVAILABLE
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.none import NoneExecutor
from ci_builder.executors.ptrace import PtraceExecutor
from ci_builder.progress import silent
from ci_builder.values import dataclass

EXECUTORS: Mapping[str, Callable[[Path, Elsewhere], Executor]] = {
    "none": lambda state, _: NoneExecutor(state, silent),
    "namespace": lambda state, _: NamespaceExecutor(state, silent),
    "in-place": lambda state, _: InPlaceExecutor(state, silent),
    "ptrace": lambda state, others: PtraceExecutor(state, silent, others),
    "chroot": lambda state, _: ChrootExecutor(state, silent),
}
"""How each executor of ``choose.AVAILABLE`` is made."""

_REASONS = {"none": "for a Dockerfile without RUN in the stages that are needed: works everywhere"}
_PROBED, _TESTED = "probed", "tested"


@dataclass(frozen=True, slots=True)
class Finding:
    """One executor: ``verdict`` is its probe's, and not ok when the self-test failed."""

    name: str
    verdict: Verdict
    test: SelfTest


@dataclass(frozen=True, slots=True)
class Chosen:
    """What ``auto`` takes: the name of the executor, empty when there is none, and why."""

    executor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Examination:
    """``findings`` in the order of ``choose.AVAILABLE``; what ``auto`` takes for a Dockerfile with a RUN
    and for one without."""

    findings: tuple[Finding, ...]
    with_run: Chosen
    without_run: Chosen

    def finding(self, name: str) -> Finding:
        """The finding about the executor ``name``. Raises KeyError."""
        return {item.name: item for item in self.findings}[name]

    @property
    def runs(self) -> bool:
        """Whether a build with a RUN works as it is, without asking for an isolation."""
        return bool(self.with_run.executor) and self.finding(self.with_run.executor).verdict.ok


def examine(folder: Path, elsewhere: tuple[Path, ...] = ()) -> Examination:
    """Probe and test every executor; ``folder`` is private and empty, and where builds have theirs;
    ``elsewhere`` as in Surroundings.

    This process must have one thread. Raises OSError when nothing can be written there.
    """
    for name in (_PROBED, _TESTED):
        (folder / name).mkdir()
    tests = SelfTests.prepare(folder / _TESTED, elsewhere)
    with contextlib.ExitStack() as stack:
        others = Elsewhere(places(elsewhere, ()), stack)
        executors = [_make(name, folder / _PROBED / name, others) for name in AVAILABLE]
        findings = [_find(executor, tests) for executor in executors]
        return Examination(tuple(findings), _chosen(executors, True), _chosen(executors, False))


def _make(name: str, state: Path, others: Elsewhere) -> Executor:
    state.mkdir(mode=0o700)
    return EXECUTORS[name](state, others)


def _find(executor: Executor, tests: SelfTests) -> Finding:
    probed = executor.probe()
    if not probed.ok:
        return Finding(executor.name, probed, SelfTest("not run"))
    test = tests.of(executor.name)
    if test.outcome == "failed":
        return Finding(executor.name, Verdict(False, f"its self-test failed: {test.detail}"), test)
    reason = _REASONS.get(executor.name, probed.reason)
    reason += f", but {probed.lacks}" if probed.lacks else ""
    return Finding(executor.name, Verdict(True, reason, lacks=probed.lacks), test)


def _chosen(executors: list[Executor], needs_run: bool) -> Chosen:
    """The very choice of a build."""
    try:
        choice = choose(AUTO, needs_run, executors)
    except NoExecutor as error:
        return Chosen("", error.message)
    return Chosen(choice.executor.name, choice.reason)
