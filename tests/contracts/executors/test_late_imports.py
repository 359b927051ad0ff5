"""In place nothing is imported once ``/`` is another root file system: it would be that one's."""

from __future__ import annotations

import json

import pytest

from tests.contracts.executors import settings
from tests.servers import bases
from tests.servers.bases import Base
from tests.servers.dockerd import Docker
from tests.servers.registry import RunningRegistry

pytestmark = [pytest.mark.docker, pytest.mark.root]


@pytest.mark.parametrize("push", [True, False], ids=["from and to a registry", "without one but ADD"])
def test_nothing_is_imported_late(
    docker_daemon: Docker, busybox: Base, anonymous_registry: RunningRegistry, push: bool
) -> None:
    image = settings.make_image(docker_daemon)
    words = ("tests.contracts.executors.late_imports", f"{anonymous_registry.url}/v2/_catalog")
    tag = (bases.push(busybox, anonymous_registry.host),) if push else ()
    volume = ("--volume", f"{busybox.layout}:/opt/base:ro")
    done = settings.run_module(docker_daemon, image, (*words, *tag), volume)
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("{")]
    assert lines, done.stderr.decode()
    found = json.loads(lines[0])
    assert "\n".join(found["late"]) == ""
    assert (found["code"], found["replaced"]) == (0, True), done.stderr.decode()
