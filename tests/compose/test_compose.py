"""Built here, pushed to a registry that is a compose service (pytest-docker), pulled and run by docker."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest
import requests

from tests.compare.builders import run_ours
from tests.servers.bases import Base
from tests.servers.dockerd import Docker

pytestmark = [pytest.mark.docker, pytest.mark.root]
_FOLDER = Path(__file__).parent
_IMAGE = "ci-builder-test/registry"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(_FOLDER / "docker-compose.yml")


@pytest.fixture(scope="session")
def docker_compose_command(docker: Docker) -> str:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    return f"env DOCKER_HOST=unix://{docker.socket} {program}"


@pytest.fixture(scope="session")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def docker_setup(docker: Docker, port: int) -> list[str]:
    """The image of the service, then what starts it."""
    docker("import", "-", _IMAGE, stdin=_registry_files(port))
    return ["up -d"]


def _registry_files(port: int) -> bytes:
    """Debian's registry with the libraries that it needs, and its configuration, as a tar."""
    binary = shutil.which("docker-registry")
    if binary is None:
        pytest.skip("docker-registry is not installed")
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": "/data"}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path in (binary, *(word for word in listed.split() if word.startswith("/"))):
            tar.add(Path(path).resolve(), arcname=path)
        data = json.dumps(config).encode()
        entry = tarfile.TarInfo("config.yml")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def service(docker_services: object, port: int) -> str:
    """``host:port`` of the registry, once it answers."""
    wait = getattr(docker_services, "wait_until_responsive")  # noqa: B009 the package has no types
    wait(timeout=30, pause=0.1, check=lambda: _answers(port))
    return f"127.0.0.1:{port}"


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def test_push_pull_and_run(service: str, docker: Docker, busybox: Base, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        'FROM busybox\nRUN echo made here > /greeting\nCMD ["cat", "/greeting"]\n'
    )
    name = f"{service}/compose/app:1"
    base = f"--build-context=busybox=oci-layout://{busybox.layout}"
    built = run_ours(["build", base, "--push", f"--tag={name}", str(tmp_path)], home=tmp_path)
    assert built.code == 0, built.text
    docker("pull", name)
    assert docker("run", "--rm", "--network=none", name) == "made here\n"
