"""Which executor is taken, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ci_builder.errors import NoExecutor, UsageError
from ci_builder.executors.choose import choose
from ci_builder.executors.interface import Verdict, Workspace
from ci_builder.oci.image import Image


@dataclass
class Known:
    """An executor whose verdict is given."""

    name: str
    verdict: Verdict
    probed: int = 0

    def probe(self) -> Verdict:
        self.probed += 1
        return self.verdict

    def enter(self) -> None:
        raise AssertionError("nothing is entered while choosing")

    def workspace(self, image: Image, *, writable: bool = True) -> Workspace:
        raise AssertionError("nothing is opened while choosing")


def _three(namespace: Verdict, in_place: Verdict) -> tuple[Known, Known, Known]:
    return (
        Known("none", Verdict(True, "no RUN")),
        Known("namespace", namespace),
        Known("in-place", in_place),
    )


YES = Verdict(True, "it works")
NO = Verdict(False, "unshare(NEWUSER): Operation not permitted (seccomp)", "allow user namespaces")
NOT_DISPOSABLE = Verdict(False, "/ might not be disposable", "use the builder image")


def test_a_build_without_run_needs_nothing() -> None:
    executors = _three(YES, YES)
    choice = choose("auto", False, executors)
    assert choice.executor is executors[0]
    assert executors[1].probed == executors[2].probed == 0


def test_auto_takes_the_best_that_works() -> None:
    choice = choose("auto", True, _three(YES, YES))
    assert choice.executor.name == "namespace"
    assert choice.reason == "namespace: it works"


def test_auto_says_why_a_better_one_was_refused() -> None:
    choice = choose("auto", True, _three(NO, YES))
    assert choice.executor.name == "in-place"
    assert choice.reason == (
        "in-place: it works; namespace: unshare(NEWUSER): Operation not permitted (seccomp)"
    )
    assert choice.refusals == (("namespace", NO.reason),)


def test_none_works() -> None:
    with pytest.raises(NoExecutor) as caught:
        choose("auto", True, _three(NO, NOT_DISPOSABLE))
    assert [name for name, _ in caught.value.refusals] == ["namespace", "in-place"]
    assert caught.value.hint == "allow user namespaces; or use the builder image"
    assert "seccomp" in str(caught.value)


def test_a_named_one_that_fails_is_not_replaced() -> None:
    with pytest.raises(NoExecutor, match="the isolation namespace does not work here"):
        choose("namespace", True, _three(NO, YES))


def test_none_cannot_run() -> None:
    with pytest.raises(NoExecutor, match="has a RUN"):
        choose("none", True, _three(YES, YES))


def test_unknown_names() -> None:
    with pytest.raises(UsageError) as caught:
        choose("docker", True, _three(YES, YES))
    assert "in-place" in caught.value.hint


def test_chroot_is_taken_only_when_asked_for() -> None:
    chroot = Known("chroot", YES)
    with pytest.raises(NoExecutor):
        choose("auto", True, [chroot])
    assert not chroot.probed
    assert choose("chroot", True, [chroot]).executor is chroot


ONE_ID = Verdict(True, "it works", lacks="it has one id")


def test_auto_takes_what_lacks_something_only_where_nothing_else_works() -> None:
    choice = choose("auto", True, _three(ONE_ID, YES))
    assert (choice.executor.name, choice.lacks) == ("in-place", "")
    assert choice.reason == "in-place: it works; namespace: it has one id"
    choice = choose("auto", True, _three(ONE_ID, NOT_DISPOSABLE))
    assert (choice.executor.name, choice.lacks) == ("namespace", "it has one id")


def test_what_lacks_something_is_taken_when_it_is_asked_for() -> None:
    choice = choose("namespace", True, _three(ONE_ID, YES))
    assert (choice.executor.name, choice.lacks) == ("namespace", "it has one id")
