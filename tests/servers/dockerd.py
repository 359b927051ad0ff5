"""A private docker daemon: its own data, socket and process, beside any other one.

with start_dockerd() as docker:
    docker("build", "--network", "host", "-t", "x", folder)
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOM = 12 << 30
"""Bytes that a daemon of each of two workers needs at most, with as much again to spare."""

CLIENT = "/usr/bin/docker"
"""Debian's own client: a newer one without buildx falls back to the builder of old, which means otherwise."""


class DockerFailed(Exception):
    """A docker command that ended with a non-zero exit code; its text is what it printed."""


@dataclass(frozen=True)
class Docker:
    """The client of one daemon: call it with the arguments of ``docker``."""

    socket: Path
    log: Path
    home: Path

    def __call__(self, *arguments: str, stdin: bytes = b"", timeout: float = 300) -> str:
        """Standard output; raises DockerFailed with everything printed."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout)
        if done.returncode:
            text = (done.stdout + done.stderr).decode(errors="replace")
            raise DockerFailed(f"docker {' '.join(arguments)}: exit code {done.returncode}\n{text}")
        return done.stdout.decode(errors="replace")

    def run(
        self, *arguments: str, stdin: bytes = b"", timeout: float = 300
    ) -> subprocess.CompletedProcess[bytes]:
        """As it ended, whatever its exit code."""
        return subprocess.run(
            [CLIENT, "-H", f"unix://{self.socket}", *arguments],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "DOCKER_CONFIG": str(self.home / ".docker"),
                "DOCKER_BUILDKIT": "1",
                "BUILDKIT_PROGRESS": "plain",
            },
        )


def refusal() -> str:
    """Why no daemon can run here, in one line; empty when it must be able to."""
    if os.geteuid() != 0:
        return "dockerd needs root"
    if shutil.which("dockerd") is None or not Path(CLIENT).exists():
        return "dockerd is not installed (Debian's docker.io)"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "dockerd needs the right to mount"
    return ""


def _place() -> Path:
    """In memory where there is much of it: the daemon waits for the disk again and again, and nothing of it
    has to outlive a power cut. Otherwise on disk."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= _ROOM:
        return memory
    return Path("/var/tmp")


@contextmanager
def start_dockerd() -> Iterator[Docker]:
    """Start a daemon with its files in a folder of its own; stop it and remove them at the end."""
    home = Path(tempfile.mkdtemp(prefix="ci-builder-dockerd-", dir=_place()))
    docker = Docker(home / "docker.sock", home / "log", home)
    with docker.log.open("wb") as output:
        process = subprocess.Popen(
            [
                # It ends with the tests, even when they are killed.
                *("setpriv", "--pdeathsig", "TERM"),
                *("dockerd", "--data-root", str(home / "data"), "--exec-root", str(home / "exec")),
                *("-H", f"unix://{docker.socket}", "--pidfile", str(home / "pid")),
                *("--iptables=false", "--bridge=none"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_ready(docker, process)
        yield docker
    finally:
        _stop(process)
        _unmount_below(home)
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_ready(docker: Docker, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if docker.socket.exists() and docker.run("version").returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"dockerd did not start:\n{docker.log.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        # The whole session, so that its containerd goes as well.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _unmount_below(folder: Path) -> None:
    mounts = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
