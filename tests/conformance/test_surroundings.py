"""What docker builds is built in other surroundings, too: in place in the builder image under plain
``docker run``, supervised in a container that has no rights at all, in a chroot, and by an ordinary user with
subordinate ids.

Without rights it is all cases. The others have those whose result hangs on the executor: commands, owners,
stages, working folders; in place and in a chroot the rest are marked ``whole``:
``tests/run tests/conformance -m whole``.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.compare.builders import Built, build_ours
from tests.conformance.case import Case
from tests.conformance.cases import copy_flags, copy_stages, run, run_mounts, settings
from tests.conformance.catalogue import CASES
from tests.conformance.examine import Outcome, Outcomes, examine_ahead, judge, selected_cases
from tests.servers.bases import Base
from tests.servers.dockerd import Docker
from tests.servers.ordinary_user import OrdinaryUser, refusal

pytestmark = [pytest.mark.docker, pytest.mark.root]

_CASES = [
    case
    for case in (
        *run.CASES,
        *run_mounts.CASES,
        *copy_stages.CASES,
        *copy_flags.CASES,
        *settings.CASES,
    )
    if "RUN" in case.dockerfile or "WORKDIR" in case.dockerfile
]

_RESTRICTED = ("--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_ONE_FILE = "overlayfs parts the names when one is written to; in place they stay one file, as POSIX has it"
_OWN = "in place, the container's own is there, and a folder of the image cannot be told from it"
_NO_BORDER = "in place nothing can be mounted, so nothing has a border"
_WRITABLE = "in place nothing can be mounted, so nothing is read-only; what is written is thrown away"
_IN_PLACE = {
    ("copy-whole-root-of-a-stage", "/dev: only in docker"): _OWN,
    ("copy-whole-root-of-a-stage", "/proc: only in docker"): _OWN,
    ("copy-whole-root-of-a-stage", "/sys: only in docker"): _OWN,
    ("run-writes-through-one-hard-link", "/usr/lib/second: size: 20 != 25"): _ONE_FILE,
    ("run-writes-through-one-hard-link", "/usr/lib/second: content: "): _ONE_FILE,
    ("run-writes-through-one-hard-link", "hard links only in ours: usr/lib/first usr/lib/second"): _ONE_FILE,
    ("run-chmod-of-a-hard-link-of-the-base", "/usr/lib/first: mode: 0644 != 0600"): _ONE_FILE,
    ("user-root-without-a-passwd-file", "/dev: only in docker"): _OWN,
    ("user-root-without-a-passwd-file", "/proc: only in docker"): _OWN,
    ("user-root-without-a-passwd-file", "/sys: only in docker"): _OWN,
    ("mount-bind-cannot-be-written", "/r: only in docker"): _WRITABLE,
    ("mount-has-a-border-for-links-and-renames", "/linked: only in ours"): _NO_BORDER,
    ("mount-has-a-border-for-links-and-renames", "/list: "): _NO_BORDER,
    ("mount-has-a-border-for-links-and-renames", "hard links only in ours: linked moved"): _NO_BORDER,
    (
        "run-chmod-of-a-hard-link-of-the-base",
        "hard links only in ours: usr/lib/first usr/lib/second",
    ): _ONE_FILE,
}
"""(Case, beginning of the difference) that is excused in place, and why."""

_SUPERVISED: dict[tuple[str, str], str] = {
    beginning: reason for beginning, reason in _IN_PLACE.items() if reason == _ONE_FILE
}
"""The same without rights."""

_CHROOT: dict[tuple[str, str], str] = {
    beginning: reason
    for beginning, reason in _IN_PLACE.items()
    if reason in (_ONE_FILE, _WRITABLE, _NO_BORDER)
} | {
    ("user-root-without-a-passwd-file", f"/{name}: only in docker"): "nothing is mounted on it in a chroot"
    for name in ("dev", "proc", "sys")
}
"""The same in a chroot."""

_REFUSED_IN_A_CHROOT = {"mount-cannot-be-moved": "the command moved what is mounted"}
"""Cases in which a command does what a mount would forbid, and what is said then."""

_REFUSED_IN_PLACE = _REFUSED_IN_A_CHROOT | {
    "mount-over-etc": "cannot be moved aside (Invalid cross-device link)"
}
"""And those where something lies over a folder of several layers of the container's overlay."""

_REFUSED_TO_USERS = {"run-device-nodes": "the kernel makes no device nodes in a user namespace"}
"""Cases that an ordinary user cannot build, and why."""


@pytest.fixture(scope="module")
def in_place(
    request: pytest.FixtureRequest,
    docker: Docker,
    docker_outcomes: Path,
    busybox: Base,
    builder_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    def build(folder: Path, options: Sequence[str]) -> Built:
        """In a container of its own, which the image takes the place of."""
        (folder / "out").mkdir()
        options = [option.replace(str(folder / "ours"), "/test/context") for option in options]
        done = docker.run(
            *("run", "--rm", "--network=host", f"--volume={folder / 'ours'}:/test/context"),
            *(f"--volume={busybox.layout}:/test/base:ro", f"--volume={folder / 'out'}:/test/out"),
            *(builder_image, *_build("in-place", options, "/test/out/layout"), "/test/context"),
        )
        return _built(done, folder)

    cases = selected_cases(request.session, "test_in_place")
    known = (docker, docker_outcomes)
    with examine_ahead(cases, known, build, tmp_path_factory.mktemp("in-place")) as found:
        yield found


def _build(isolation: str, options: Sequence[str], layout: str) -> list[str]:
    """The command line of a build in the builder image, but for the context."""
    return [
        *("build", "--progress=plain", f"--isolation={isolation}"),
        "--build-context=busybox=oci-layout:///test/base",
        *(f"--output=type=oci,tar=false,dest={layout}", *options),
    ]


def _built(done: subprocess.CompletedProcess[bytes], folder: Path) -> Built:
    if (folder / "out/layout").exists():
        (folder / "out/layout").rename(folder / "layout")
    return Built(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


@contextlib.contextmanager
def _container(docker: Docker, image: str, *flags: str) -> Iterator[str]:
    """A container of the builder image, for many builds."""
    waiting = ("--entrypoint=/ci-builder/bin/busybox", image, "sleep", "86400")
    name = docker("run", "--detach", "--network=host", *flags, *waiting).strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name)


@pytest.fixture(scope="module")
def supervised(
    request: pytest.FixtureRequest,
    docker: Docker,
    docker_outcomes: Path,
    busybox: Base,
    builder_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    top = tmp_path_factory.mktemp("supervised")
    top.chmod(0o755)

    def build(folder: Path, options: Sequence[str]) -> Built:
        context = folder / "ours"
        (folder / "out").mkdir()
        for path in (folder / "out", context, *context.rglob("*")):
            # The job's checkout is the job's user's.
            mode = path.lstat().st_mode
            os.chown(path, 1000, 1000, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(mode))
        here = f"/test/cases/{folder.name}"
        options = [option.replace(str(folder), here) for option in options]
        words = [*_build("ptrace", options, f"{here}/out/layout"), f"{here}/ours"]
        return _built(docker.run("exec", container, "/ci-builder/bin/ci-builder", *words), folder)

    cases = selected_cases(request.session, "test_without_any_right")
    volumes = (f"--volume={busybox.layout}:/test/base:ro", f"--volume={top}:/test/cases")
    with (
        _container(docker, builder_image, *_RESTRICTED, *volumes) as container,
        examine_ahead(cases, (docker, docker_outcomes), build, top) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def as_user(
    request: pytest.FixtureRequest,
    docker: Docker,
    docker_outcomes: Path,
    busybox: Base,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    reason = refusal()
    if reason:
        pytest.skip(reason)
    top = tmp_path_factory.mktemp("as-user")
    for above in (top, top.parent, top.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)

    def build(folder: Path, options: Sequence[str]) -> Built:
        user = OrdinaryUser(folder / "user", {busybox.layout: "base"})
        layout = user.home / "layout"
        built = user(
            [
                *(
                    "build",
                    "--progress=plain",
                    f"--build-context=busybox=oci-layout://{user.folder / 'base'}",
                ),
                *(f"--output=type=oci,tar=false,dest={layout}", *options, str(folder / "ours")),
            ]
        )
        if layout.exists():
            layout.rename(folder / "layout")
        return built

    cases = selected_cases(request.session, "test_as_an_ordinary_user")
    known = (docker, docker_outcomes)
    with examine_ahead(cases, known, build, top) as found:
        yield found


@pytest.fixture(scope="module")
def in_chroot(
    request: pytest.FixtureRequest,
    docker: Docker,
    docker_outcomes: Path,
    busybox: Base,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    def build(folder: Path, options: Sequence[str]) -> Built:
        (folder / "home").mkdir()
        return build_ours(
            folder / "layout",
            folder / "ours",
            options,
            home=folder / "home",
            bases=[busybox],
            isolation="chroot",
        )

    cases = selected_cases(request.session, "test_in_a_chroot")
    known = (docker, docker_outcomes)
    with examine_ahead(cases, known, build, tmp_path_factory.mktemp("chroot")) as found:
        yield found


def _whole(usual: Collection[Case]) -> list[ParameterSet]:
    """All cases; those that are not ``usual`` are marked."""
    marks = {case.name: () if case in usual else (pytest.mark.whole,) for case in CASES}
    return [pytest.param(case, id=case.name, marks=marks[case.name]) for case in CASES]


@pytest.mark.parametrize("case", _whole(run_mounts.CASES))
def test_in_a_chroot(case: Case, in_chroot: Outcomes) -> None:
    _judge_moving(case, in_chroot[case.name].result(), _CHROOT, _REFUSED_IN_A_CHROOT)


@pytest.mark.parametrize("case", _whole(_CASES))
def test_in_place(case: Case, in_place: Outcomes) -> None:
    _judge_moving(case, in_place[case.name].result(), _IN_PLACE, _REFUSED_IN_PLACE)


def _judge_moving(
    case: Case, outcome: Outcome, excuses: Mapping[tuple[str, str], str], refused: Mapping[str, str]
) -> None:
    """Where mounts are moved to their places; ``refused`` are cases that cannot be built so, and why."""
    if case.name in refused:
        assert outcome.ours.code != 0, "it works by now"
        assert refused[case.name] in outcome.ours.text
    else:
        judge(case, outcome, [beginning for name, beginning in excuses if name == case.name])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_any_right(case: Case, supervised: Outcomes) -> None:
    excused = [beginning for name, beginning in _SUPERVISED if name == case.name]
    judge(case, supervised[case.name].result(), excused)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_as_an_ordinary_user(case: Case, as_user: Outcomes) -> None:
    outcome = as_user[case.name].result()
    if case.name in _REFUSED_TO_USERS:
        assert outcome.ours.code != 0, "it works by now"
        assert "not permitted" in outcome.ours.text
    else:
        judge(case, outcome)
