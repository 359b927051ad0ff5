"""What goes wrong in a build: one clear message that names what and where, a non-zero exit, nothing half
done.

Every build runs with a home, a temporary folder and a context of its own, which are looked at afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.compare.builders import Built, command, environment
from tests.servers.bases import Base
from tests.servers.registry import RunningRegistry
from tests.servers.signals import default_signals

PASSWORD_IN_CONTEXT = "hunter2-not-to-be-shown"


@dataclass(frozen=True)
class Site:
    """A place to build in. ``before`` is the digest of the context as it was made."""

    folder: Path
    base: Base
    before: str

    @property
    def context(self) -> Path:
        return self.folder / "context"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def arguments(self, *flags: str) -> list[str]:
        base = f"--build-context={self.base.name}=oci-layout://{self.base.layout}"
        return ["build", "--progress=plain", base, *flags, str(self.context)]

    def environment(self, extra: dict[str, str]) -> dict[str, str]:
        return environment(self.folder / "home") | {"TMPDIR": str(self.temporary)} | extra

    def build(self, *flags: str, **extra: str) -> Built:
        done = subprocess.run(
            command(self.arguments(*flags)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment(extra),
            cwd=self.folder,
            check=False,
            timeout=120,
        )
        return Built(done.returncode, done.stdout.decode())

    def start(self, *flags: str, **extra: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(self.arguments(*flags)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment(extra),
            cwd=self.folder,
            preexec_fn=default_signals,
        )

    def dockerfile(self, text: str) -> None:
        (self.context / "Dockerfile").write_text(text)
        object.__setattr__(self, "before", _state(self.context))

    def untouched(self) -> None:
        """Nothing is left over, and the context is as it was."""
        assert _state(self.context) == self.before
        assert list(self.temporary.iterdir()) == []
        assert str(self.temporary) not in Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def site(tmp_path: Path, busybox: Base) -> Iterator[Site]:
    for name in ("context", "home", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "context" / "file").write_text("content")
    site = Site(tmp_path, busybox, "")
    site.dockerfile("FROM busybox\nCOPY file /\n")
    yield site
    site.untouched()


def _state(folder: Path) -> str:
    lines = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        lines.append(f"{path} {status.st_mode} {status.st_mtime_ns} {hashlib.sha256(content).hexdigest()}")
    return "\n".join(lines)


def _failed(built: Built, *texts: str) -> None:
    assert built.code != 0, built.text
    assert "Traceback" not in built.text
    assert built.text.count("error: ") == 1, built.text
    for text in texts:
        assert text in built.text, built.text


def _login(registry: RunningRegistry, password: str) -> dict[str, str]:
    auth = base64.b64encode(f"{registry.user}:{password}".encode()).decode()
    return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {registry.host: {"auth": auth}}})}


def _tags(registry: RunningRegistry, repository: str) -> list[str]:
    answer = requests.get(
        f"{registry.url}/v2/{repository}/tags/list", auth=(registry.user, registry.password), timeout=10
    )
    return list(answer.json().get("tags") or [])


def test_wrong_password(site: Site, password_registry: RunningRegistry) -> None:
    name = f"{password_registry.host}/wrong/password"
    wrong = _login(password_registry, PASSWORD_IN_CONTEXT)
    built = site.build("-t", f"{name}:1", "--push", **wrong)
    _failed(built, name, "401")
    assert PASSWORD_IN_CONTEXT not in built.text
    assert (
        base64.b64encode(f"{password_registry.user}:{PASSWORD_IN_CONTEXT}".encode()).decode()
        not in built.text
    )
    assert "COPY" not in built.text, "the build ran although the push could not succeed"
    assert _tags(password_registry, "wrong/password") == []


def test_unreachable_registry(site: Site) -> None:
    site.dockerfile("FROM 127.0.0.1:1/nobody/there:1\n")
    _failed(site.build(), "Dockerfile:1", "127.0.0.1:1")


def test_missing_base(site: Site, anonymous_registry: RunningRegistry) -> None:
    site.dockerfile(f"FROM {anonymous_registry.host}/no/such:image\n")
    _failed(site.build(), "Dockerfile:1", f"there is no image {anonymous_registry.host}/no/such:image", "404")


def test_broken_dockerfile(site: Site) -> None:
    site.dockerfile("FROM busybox\nRUN true\nCOPPY file /\n")
    built = site.build()
    _failed(built, "Dockerfile:3", ">>> COPPY file /", "COPY")
    assert "RUN true" not in built.text.split("error: ")[0], "instructions ran before the error was found"


@pytest.mark.commands
def test_failing_command(site: Site) -> None:
    site.dockerfile("FROM busybox\n\nRUN echo first; \\\n    echo the last words >&2; exit 42\n")
    built = site.build("--isolation=namespace")
    _failed(built, "Dockerfile:3", "exit code 42", "the last words", ">>>     echo the last words")
    assert built.code == 42


@pytest.mark.commands
def test_killed_command(site: Site) -> None:
    site.dockerfile("FROM busybox\nRUN kill -9 $$\n")
    built = site.build()
    _failed(built, "Dockerfile:2", "137")
    assert built.code == 137


def test_missing_source(site: Site) -> None:
    site.dockerfile("FROM busybox\nCOPY file /a\nCOPY missing/thing /b\n")
    _failed(site.build(), "Dockerfile:3", '"/missing/thing"', "context")


def test_ignored_source(site: Site) -> None:
    (site.context / ".dockerignore").write_text("file\n")
    site.dockerfile("FROM busybox\nCOPY file /a\n")
    _failed(site.build(), "Dockerfile:2", ".dockerignore")


def test_missing_context(site: Site) -> None:
    built = site.build("--target", "x")
    _failed(built, "x")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "small", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
def test_full_disk_for_the_state(site: Site, small_disk: Path) -> None:
    (site.context / "large").write_bytes(os.urandom(12 << 20))
    site.dockerfile("FROM busybox\nCOPY large /\n")
    built = site.build(TMPDIR=str(small_disk))
    _failed(built, "No space left")
    assert list(small_disk.iterdir()) == []


@pytest.mark.root
def test_full_disk_for_the_output(site: Site, small_disk: Path) -> None:
    (site.context / "large").write_bytes(os.urandom(12 << 20))
    site.dockerfile("FROM busybox\nCOPY large /\n")
    built = site.build(f"--output=type=oci,dest={small_disk}/image.tar")
    _failed(built, f"{small_disk}/image.tar", "No space left")
    assert list(small_disk.iterdir()) == []


def test_output_without_a_folder(site: Site) -> None:
    built = site.build("--output=type=docker,dest=/no/such/folder/image.tar")
    _failed(built, "/no/such/folder")
    assert "COPY" not in built.text, "the build ran although its result could not be written"


@pytest.mark.commands
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_in_a_command(site: Site, number: signal.Signals) -> None:
    mark = f"sleep 6{time.time_ns() % 10**9}"
    site.dockerfile(f"FROM busybox\nRUN echo started; {mark}\n")
    process = site.start("--isolation=namespace")
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if b"started" in line and b"RUN" not in line:
                break
        process.send_signal(number)
        rest = process.stdout.read().decode()
    assert process.wait(30) == 128 + number
    assert number.name in rest
    assert "Traceback" not in rest
    assert not _running(mark)


def test_signal_while_pushing(site: Site, password_registry: RunningRegistry) -> None:
    (site.context / "large").write_bytes(os.urandom(48 << 20))
    site.dockerfile("FROM scratch\nCOPY large /\n")
    name = f"{password_registry.host}/stopped/push"
    login = _login(password_registry, password_registry.password)
    process = site.start("-t", f"{name}:1", "--push", **login)
    deadline = time.monotonic() + 60
    while not any(
        "PATCH" in item or "/stopped/push/blobs/uploads/ 202" in item for item in _uploads(password_registry)
    ):
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 128 + signal.SIGTERM, text
    assert "SIGTERM" in text
    assert _tags(password_registry, "stopped/push") == []


def _uploads(registry: RunningRegistry) -> list[str]:
    # The first upload session is the question whether pushing is permitted: the build comes after its end.
    seen = [item for item in registry.requests() if "/stopped/push/" in item]
    asked = [number for number, item in enumerate(seen) if item.startswith("DELETE")]
    return seen[asked[0] + 1 :] if asked else []


def _running(mark: str) -> bool:
    wanted = mark.replace(" ", "\0").encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_no_credential_is_left_on_disk(site: Site, password_registry: RunningRegistry) -> None:
    built = site.build(
        "-t",
        f"{password_registry.host}/good/push:1",
        "--push",
        **_login(password_registry, password_registry.password),
    )
    assert built.code == 0, built.text
    assert _tags(password_registry, "good/push") == ["1"]
    for path in site.folder.rglob("*"):
        if path.is_file():
            assert password_registry.password.encode() not in path.read_bytes(), path
