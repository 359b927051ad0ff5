"""Builds with RUN in containers that forbid almost everything: no right, no name, nothing that can be
written but one volume, temporary file systems that are noexec, images that are not the builder's."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.compare.builders import Built
from tests.contracts.executors import settings
from tests.servers.bases import Base
from tests.servers.bound_in import PROGRAM, bound_in
from tests.servers.dockerd import Docker

pytestmark = [pytest.mark.docker, pytest.mark.root]

RIGHTLESS = ("--cap-drop=ALL", "--security-opt=no-new-privileges")
RESTRICTED = (*RIGHTLESS, "--user=1000:1000")
UNKNOWN = (*RIGHTLESS, "--user=1000730000:0")
READ_ONLY = ("--read-only",)
NO_EXEC = (*READ_ONLY, "--tmpfs=/tmp:mode=1777,noexec", "--tmpfs=/var/tmp:mode=1777,noexec")
_DOCKERFILE = """\
FROM busybox
COPY . /copied
RUN mkdir /made && echo text > /made/file && chown 1234:5678 /made/file && chmod 4711 /made/file && id -u
USER 4321
RUN echo mine > /tmp/mine && id -u
"""
_BUILD = "build --progress=plain --build-context=busybox=oci-layout:///base"
_TO_FILE = "--output=type=docker,dest=/job/out/image.tar /job/checkout"


@dataclass(frozen=True)
class Job:
    """A checkout in a volume, the only place that a job may write to; ``program`` starts ci-builder."""

    docker: Docker
    image: str
    volume: Path
    base: Base
    program: str = "ci-builder"
    binds: tuple[str, ...] = ()

    def sh(self, script: str, flags: Sequence[str]) -> Built:
        """Run the job's lines in a container started with ``flags``."""
        done = self.docker.run(
            *("run", "--rm", "--network=host", "--entrypoint=", "--workdir=/job/checkout", *flags),
            *(f"--volume={self.volume}:/job", f"--volume={self.base.layout}:/base:ro", *self.binds),
            *(self.image, "sh", "-c", script),
        )
        return Built(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))

    def build(self, flags: Sequence[str]) -> Built:
        """Build the checkout."""
        return self.sh(f"{self.program} {_BUILD} {_TO_FILE}", flags)

    def left(self) -> set[str]:
        """What lies in the volume besides what the job put there, and in the checkout."""
        known = {"checkout", "out", "checkout/Dockerfile", "checkout/word", "out/image.tar"}
        return {str(path.relative_to(self.volume)) for path in self.volume.rglob("*")} - known


def _volume(folder: Path) -> Path:
    volume = folder / "volume"
    for place in (volume, volume / "checkout", volume / "out"):
        place.mkdir()
        place.chmod(0o777)
    (volume / "checkout" / "Dockerfile").write_text(_DOCKERFILE)
    (volume / "checkout" / "word").write_text("word\n")
    return volume


@pytest.fixture
def job(docker: Docker, busybox: Base, builder_image: str, tmp_path: Path) -> Job:
    return Job(docker, builder_image, _volume(tmp_path), busybox)


@pytest.fixture
def foreign(docker: Docker, busybox: Base, tmp_path: Path) -> Job:
    """An image that knows nothing of ci-builder: interpreter and code are bound in."""
    image = settings.make_image(docker)
    return Job(docker, image, _volume(tmp_path), busybox, " ".join(PROGRAM), tuple(bound_in()))


def _files(archive: Path) -> dict[str, tuple[int, int, int]]:
    """Owner, group and mode of every file in the layers above the base."""
    found = {}
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"][1:]:
            layer = tar.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=io.BytesIO(layer.read())) as content:
                found.update({item.name: (item.uid, item.gid, item.mode) for item in content})
    return found


def _check(job: Job, built: Built) -> None:
    assert built.code == 0, built.text
    assert "executor: ptrace" in built.text, built.text
    files = _files(job.volume / "out" / "image.tar")
    assert files["made/file"] == (1234, 5678, 0o4711)
    assert files["tmp/mine"][0] == 4321
    assert {name for name in files if name.startswith("copied/")} == {"copied/Dockerfile", "copied/word"}
    assert job.left() == set()


@pytest.mark.parametrize(
    "flags",
    [
        RESTRICTED,
        UNKNOWN,
        (*RESTRICTED, *NO_EXEC),
        (*UNKNOWN, *NO_EXEC),
        (*RESTRICTED, *READ_ONLY, "--tmpfs=/tmp:mode=1777,exec"),
        (*RESTRICTED, *READ_ONLY),
        (*RESTRICTED, *READ_ONLY, "--env=TMPDIR=/job"),
        (*RESTRICTED, *READ_ONLY, "--env=TMPDIR=/job/checkout"),
    ],
    ids=[
        *("user", "unknown user", "noexec", "unknown, noexec", "read-only", "no /tmp", "TMPDIR"),
        "TMPDIR in the context",
    ],
)
def test_in_the_builder_image(flags: tuple[str, ...], job: Job) -> None:
    _check(job, job.build(flags))


@pytest.mark.parametrize(
    "flags",
    [(), NO_EXEC, RESTRICTED, (*UNKNOWN, *NO_EXEC), (*UNKNOWN, *READ_ONLY)],
    ids=["root", "root, noexec", "user", "unknown, noexec", "no /tmp"],
)
def test_in_a_foreign_image(flags: tuple[str, ...], foreign: Job) -> None:
    """Root there is no reason to replace its files: ``auto`` takes ptrace."""
    _check(foreign, foreign.build(flags))


def test_no_folder_from_which_programs_start(job: Job) -> None:
    """The checkout is the volume itself: nothing is put into it, and the reason is the true one."""
    script = f"ci-builder {_BUILD} --output=type=docker,dest=/job/out/image.tar /job"
    (job.volume / "Dockerfile").write_text(_DOCKERFILE)
    built = job.sh(script, (*UNKNOWN, *NO_EXEC))
    assert built.code == 1, built.text
    assert "every folder that can be written is mounted noexec: /tmp, /var/tmp" in built.text
    assert "set TMPDIR to a folder on a file system that is not mounted noexec" in built.text
    assert job.left() == {"Dockerfile"}


def test_the_volume_is_the_context(job: Job) -> None:
    """Without any other folder that can be written: what the build keeps there is not copied."""
    for name in ("Dockerfile", "word"):
        (job.volume / name).write_bytes((job.volume / "checkout" / name).read_bytes())
    (job.volume / ".dockerignore").write_text("out\ncheckout\n.dockerignore\n")
    script = f"cd /job && {job.program} {_BUILD} --output=type=docker,dest=/job/out/image.tar ."
    built = job.sh(script, (*UNKNOWN, *READ_ONLY))
    for name in ("Dockerfile", "word", ".dockerignore"):
        (job.volume / name).unlink()
    _check(job, built)


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_a_signal_leaves_nothing_in_the_volume(name: str, job: Job) -> None:
    (job.volume / "checkout" / "Dockerfile").write_text("FROM busybox\nRUN echo started; sleep 1000\n")
    script = (
        f"ci-builder {_BUILD} {_TO_FILE} >/tmp/log 2>&1 & p=$!; "
        "until grep -q '[0-9] started' /tmp/log; do sleep 0.1; done; ls -d /job/ci-builder-*; "
        f"kill -{name} $p; wait $p; echo code $?; cat /tmp/log; ls -A /job"
    )
    built = job.sh(script, (*RESTRICTED, *NO_EXEC))
    assert "/job/ci-builder-" in built.text
    assert f"code {129 if name == 'HUP' else 143}" in built.text, built.text
    assert job.left() == set()
    assert os.listdir(job.volume / "out") == []
