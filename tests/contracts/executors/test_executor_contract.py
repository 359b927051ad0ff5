"""Every promise of the executors' interface, in every kind of surroundings that can be had here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.executors import settings
from tests.contracts.executors.checks import all_checks
from tests.contracts.executors.settings import Outcome
from tests.servers.dockerd import Docker

_RESTRICTED = ("--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
_READ_ONLY = (*_RESTRICTED[2:], "--user", "1000730000:0", "--read-only", "--tmpfs", "/tmp:mode=1777,exec")
_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_FRAME = ("probe", "the_probe_leaves_nothing", "the_state_can_be_removed")
_CONTAINERS = {
    "in a default container, in place": ("in-place", ()),
    "in a default container, in a chroot": ("chroot", ()),
    "in a container as root without seccomp": ("namespace", _UNCONFINED),
    "in a container as a user without seccomp": ("namespace", (*_RESTRICTED, *_UNCONFINED)),
    "in a restricted container, supervised": ("ptrace", _RESTRICTED),
    "in a default container, supervised": ("ptrace", ()),
    "in a read-only container as an unknown user, supervised": ("ptrace", _READ_ONLY),
    "in a container with the right to mount": ("namespace", ("--cap-add", "SYS_ADMIN")),
}
# These look into /proc, which commands in a chroot do not have.
_NEED_PROC = {
    "umask_and_session",
    "devices_and_proc",
    "no_descriptor_leaks",
    "root_has_dockers_capabilities",
    "the_machine_is_out_of_reach",
}
_MACHINE = (
    "on this machine as root",
    "on this machine as a user with subordinate ids",
    "on this machine as a user with one id",
)

Setting = Callable[[str], Outcome]


@pytest.fixture(scope="session")
def image(docker_daemon: Docker) -> str:
    """The image of the containers."""
    return settings.make_image(docker_daemon)


@pytest.fixture(scope="session")
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Runs all checks in one setting, once."""
    known: dict[str, Outcome] = {}

    def of(name: str) -> Outcome:
        if name not in known:
            known[name] = _produce(name, request, tmp_path_factory.mktemp("executor"))
        return known[name]

    return of


def _produce(name: str, request: pytest.FixtureRequest, folder: Path) -> Outcome:
    _need_root()
    if name == _MACHINE[0]:
        return settings.on_this_machine("namespace", folder)
    if name in _MACHINE:
        return settings.as_ordinary_user("namespace", folder, ranges=name == _MACHINE[1])
    executor, flags = _CONTAINERS[name]
    docker, image = request.getfixturevalue("docker_daemon"), request.getfixturevalue("image")
    return settings.in_container(docker, image, executor, flags)


def _need_root() -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("needs root with the right to mount")


def _in_containers() -> list[tuple[str, str]]:
    return [
        (setting, check)
        for setting, (executor, _) in _CONTAINERS.items()
        for check in [*_FRAME, *all_checks()]
        if executor != "chroot" or check not in _NEED_PROC
    ]


@pytest.mark.root
@pytest.mark.parametrize("check", [*_FRAME, *all_checks()])
@pytest.mark.parametrize("setting", _MACHINE)
def test_on_this_machine(setting: str, check: str, outcome: Setting) -> None:
    _passed(outcome(setting), check)


@pytest.mark.root
@pytest.mark.docker
@pytest.mark.parametrize(("setting", "check"), _in_containers())
def test_in_a_container(setting: str, check: str, outcome: Setting) -> None:
    _passed(outcome(setting), check)


@pytest.mark.root
@pytest.mark.docker
def test_a_restricted_container_is_refused_with_a_reason(docker_daemon: Docker, image: str) -> None:
    """No executor of this version works there: the reasons must be the true ones."""
    namespace = settings.in_container(docker_daemon, image, "namespace", _RESTRICTED)
    assert namespace.failures["probe"].startswith(
        "no namespace can be made: unshare(NEWNS|NEWUSER): Operation not permitted (seccomp) | allow user"
    )
    in_place = settings.in_container(docker_daemon, image, "in-place", _RESTRICTED)
    assert "Operation not permitted" in in_place.failures["probe"]


def _passed(outcome: Outcome, check: str) -> None:
    assert check in outcome.failures, f"it was not run:\n{outcome.output[-3000:]}"
    assert not outcome.failures[check], outcome.failures[check]
