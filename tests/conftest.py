"""Fixtures for real parts. Each starts when the first test asks for it and skips, with its reason, where
this machine cannot have it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import bases, dockerd, registry
from tests.servers import builder_image as builder_image_maker
from tests.servers.alone import alone
from tests.servers.bases import Base
from tests.servers.dockerd import Docker
from tests.servers.registry import RunningRegistry

# How long an example takes says something of the machine, not of the code: no test is about time.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``whole`` run when they are asked for."""
    if "whole" in (config.getoption("markexpr") or ""):
        return
    left = [item for item in items if item.get_closest_marker("whole") is not None]
    if left:
        items[:] = [item for item in items if item.get_closest_marker("whole") is None]
        config.hook.pytest_deselected(items=left)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked ``root`` are for machines where this process may mount."""
    if item.get_closest_marker("root") is not None:
        reason = _no_root()
        if reason:
            pytest.skip(reason)

    if item.get_closest_marker("commands") is not None and not _namespaces():
        pytest.skip("needs a namespace to run commands in")


@functools.cache
def _namespaces() -> bool:
    return not (_cannot("unshare", "--mount", "true") and _cannot("unshare", "--user", "--mount", "true"))


def _cannot(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


@functools.cache
def _no_root() -> str:
    if os.geteuid() != 0:
        return "needs root"
    return "needs root with the right to mount" if _cannot("unshare", "--mount", "true") else ""


@pytest.fixture(scope="session")
def docker(docker_daemon: Docker, busybox: Base, anonymous_registry: RunningRegistry) -> Docker:
    """A private daemon that knows the base ``busybox``."""
    _load(docker_daemon, busybox, anonymous_registry)
    return docker_daemon


@pytest.fixture(scope="session")
def docker_with_debian(docker: Docker, debian: Base, anonymous_registry: RunningRegistry) -> Docker:
    """The same daemon, which knows the base ``debian`` as well."""
    _load(docker, debian, anonymous_registry)
    return docker


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[Docker]:
    """A private daemon without any image."""
    reason = dockerd.refusal()
    if reason:
        pytest.skip(reason)
    with dockerd.start_dockerd() as running:
        yield running


@pytest.fixture(scope="session")
def anonymous_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry that asks for nothing; holds the bases that were pushed to it."""
    _need_registry()
    with registry.start_registry(tmp_path_factory.mktemp("anonymous")) as running:
        yield running


@pytest.fixture(scope="session")
def password_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry with one user (Basic)."""
    _need_registry()
    with registry.start_registry(tmp_path_factory.mktemp("password"), auth="htpasswd") as running:
        yield running


@pytest.fixture(scope="session")
def busybox() -> Base:
    """The small base."""
    _need_bases()
    with alone():
        return bases.busybox()


@pytest.fixture(scope="session")
def debian() -> Base:
    """The base with apt."""
    _need_bases()
    with alone():
        return bases.debian()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def builder_image(
    docker_with_debian: Docker, debian: Base, anonymous_registry: RunningRegistry, run_folder: Path
) -> str:
    """The builder image, made by this project once in a run and loaded into the daemon."""
    base = f"{anonymous_registry.host}/base/{debian.name}:latest"
    folder = run_folder / "builder-image"
    with alone():
        if not folder.exists():
            built = builder_image_maker.make_builder_image(base, folder)
            if built.code:
                shutil.rmtree(folder)
            assert built.code == 0, built.text
    docker_with_debian("load", "--input", str(builder_image_maker.archive_of(folder)))
    return builder_image_maker.NAME


def _load(docker: Docker, base: Base, source: RunningRegistry) -> None:
    reference = bases.push(base, source.host)
    docker("pull", reference)
    docker("tag", reference, f"{base.name}:latest")


def _need_registry() -> None:
    if not registry.available():
        pytest.skip("docker-registry is not installed")


def _need_bases() -> None:
    reason = bases.missing()
    if reason:
        pytest.skip(reason)
