"""Which change of the surroundings is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_builder.build.advice import Advice, Grounds, advise
from ci_builder.build.examination import EXECUTORS, Chosen, Examination, Finding
from ci_builder.build.self_test import SelfTest
from ci_builder.executors.executable_folder import REMEDY
from ci_builder.executors.interface import Verdict
from ci_builder.executors.isolations import AVAILABLE
from ci_builder.executors.surroundings.attempts import Attempt, Permitted
from ci_builder.executors.surroundings.process import Standing

ROOTS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "MKNOD", "SETFCAP")
YES, NO = Attempt(True, "it works"), Attempt(False, "it does not")
USER = Standing(1000, 1000, (), "me", (), (), True, "filter", "", "Linux 6", "x86_64")
ROOT = replace(USER, uid=0, gid=0, user="root", capabilities=ROOTS, no_new_privs=False)
REFUSED = Permitted(NO, NO, YES, YES, 1)
PERMITTED = Permitted(YES, YES, YES, YES, 1, "ranges")


def grounds(
    taken: str,
    standing: Standing = USER,
    permitted: Permitted = REFUSED,
    *,
    no_exec: bool = False,
    builder_image: bool = False,
) -> Grounds:
    remedies = {"ptrace": REMEDY} if no_exec else {}
    findings = tuple(
        Finding(name, Verdict(False, "no", remedies.get(name, "its remedy")), SelfTest("not run"))
        for name in AVAILABLE
    )
    examination = Examination(findings, Chosen(taken, ""), Chosen("none", ""))
    return Grounds(examination, standing, permitted, builder_image)


def with_sysctl(name: str, value: str) -> Permitted:
    return replace(REFUSED, user_namespaces=replace(NO, sysctls=((name, value),)))


def test_the_best_needs_no_change() -> None:
    assert advise(grounds("namespace", permitted=PERMITTED)) == Advice()
    assert advise(grounds("namespace", replace(ROOT, capabilities=("SYS_ADMIN",)), PERMITTED)) == Advice()


def test_namespaces_without_overlays() -> None:
    permitted = replace(PERMITTED, ids="single")
    free = replace(USER, bounding=ROOTS, no_new_privs=False)
    single = advise(grounds("namespace", free, permitted))
    assert single.change.startswith("install newuidmap")
    assert ("/etc/subuid" in single.change, single.buys) == (True, "overlays")
    # newuidmap is setuid: what holds it back has to go first.
    bound = advise(grounds("namespace", replace(USER, user=""), permitted)).change
    parts = bound.split("; ")
    assert "no-new-privileges" in parts[0]
    assert "allowPrivilegeEscalation: true" in parts[1]
    assert [part.split()[0] for part in parts[2:]] == ["leave", "give", "install"]
    disk = advise(grounds("namespace", permitted=replace(PERMITTED, overlay=NO)))
    assert ("TMPDIR" in disk.change, disk.buys) == (True, "overlays")


def test_root_in_another_image_and_a_user_in_the_builder_image() -> None:
    image = advise(grounds("ptrace", ROOT))
    assert (image.change, image.buys) == ("run the job in the builder image", "in-place")
    user = advise(grounds("ptrace", builder_image=True))
    assert ("as root" in user.change, user.buys) == (True, "in-place")
    bare = advise(grounds("ptrace", replace(ROOT, capabilities=("CHOWN",))))
    assert bare.buys == "namespace"


def test_in_place_is_bettered_by_namespaces_only() -> None:
    assert "seccomp=unconfined" in advise(grounds("in-place", ROOT, builder_image=True)).change


@pytest.mark.parametrize(
    ("standing", "permitted", "part"),
    [
        (USER, REFUSED, "(docker: --security-opt seccomp=unconfined)"),
        (replace(USER, profile="docker-default (enforce)"), REFUSED, "--security-opt apparmor=unconfined"),
        (USER, with_sysctl("user.max_user_namespaces", "0"), "sysctl user.max_user_namespaces="),
        (USER, with_sysctl("kernel.unprivileged_userns_clone", "0"), "unprivileged_userns_clone=1"),
        (
            replace(USER, seccomp="none", profile="unconfined"),
            with_sysctl("kernel.apparmor_restrict_unprivileged_userns", "1"),
            "apparmor_restrict_unprivileged_userns=0",
        ),
        (replace(USER, seccomp="none", profile="mine (enforce)"), REFUSED, "AppArmor profile than mine"),
        (replace(USER, seccomp="none"), REFUSED, "its remedy"),
    ],
)
def test_what_stands_in_the_way_of_namespaces(standing: Standing, permitted: Permitted, part: str) -> None:
    advice = advise(grounds("ptrace", standing, permitted))
    assert part in advice.change
    assert advice.buys == "namespace"


def test_no_folder_from_which_programs_start() -> None:
    advice = advise(grounds("", no_exec=True))
    assert ("noexec" in advice.change, advice.buys) == (True, "ptrace")
    assert advise(grounds("ptrace", no_exec=True)).buys == "namespace"


def test_every_executor_is_examined() -> None:
    assert set(EXECUTORS) == set(AVAILABLE)
