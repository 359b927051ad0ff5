"""In the builder image under plain ``docker run``: what a hostile or careless Dockerfile can do to the
job, and what the job's own folders can do to the image."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.compare.builders import Built
from tests.servers.bases import Base
from tests.servers.dockerd import Docker

pytestmark = [pytest.mark.docker, pytest.mark.root]
SECRET = "the-jobs-own-token"


@dataclass(frozen=True)
class Job:
    """A container of the builder image in which a shell runs the job's lines."""

    docker: Docker
    image: str
    base: Base
    folder: Path
    volumes: list[str] = field(default_factory=list)

    def run(self, dockerfile: str, script: str = "ci-builder build $FLAGS /job/context") -> Built:
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        (self.folder / "out").mkdir(exist_ok=True)
        flags = "--progress=plain --build-context=busybox=oci-layout:///job/base"
        done = self.docker.run(
            *("run", "--rm", "--network=host", "--entrypoint=", f"--env=CI_JOB_TOKEN={SECRET}"),
            *(f"--env=FLAGS={flags}", f"--volume={context}:/job/context", *self.volumes),
            *(f"--volume={self.base.layout}:/job/base:ro", f"--volume={self.folder / 'out'}:/job/out"),
            *(self.image, "sh", "-c", script),
        )
        return Built(done.returncode, (done.stdout + done.stderr).decode())


@pytest.fixture
def job(docker: Docker, busybox: Base, builder_image: str, tmp_path: Path) -> Job:
    return Job(docker, builder_image, busybox, tmp_path)


def _names(archive: Path) -> set[str]:
    """Names in the topmost layer of a docker archive."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        top = json.load(manifest)[0]["Layers"][-1]
        layer = tar.extractfile(top)
        assert layer is not None
        with tarfile.open(fileobj=layer) as content:
            return set(content.getnames())


@pytest.mark.parametrize("name", ["/tmp/o.tar", "/o.tar", "o.tar", "/new-in-the-container/o.tar"])
def test_outputs_beside_files_of_the_image(job: Job, name: str) -> None:
    script = (
        "mkdir -p /new-in-the-container && ci-builder build $FLAGS "
        f"--output=type=docker,dest={name} --iidfile=/tmp/id /job/context && cp {name} /tmp/id /job/out/"
    )
    built = job.run("FROM busybox\nRUN echo 1 > /tmp/x; echo 2 > /y\n", script)
    assert built.code == 0, built.text
    assert {"tmp/x", "y"} <= _names(job.folder / "out" / "o.tar")
    assert (job.folder / "out" / "id").read_text().startswith("sha256:")


def test_a_cache_in_the_root_file_system_that_is_replaced(job: Job) -> None:
    build = "ci-builder build $FLAGS --isolation=in-place"
    place = "/var/cache/layers"
    script = (
        f"{build} --cache-to=type=local,mode=max,dest={place} --output=type=docker,dest=/job/out/1.tar "
        f"/job/context && {build} --build-arg=V=2 --cache-from=type=local,src={place} "
        f"--cache-to=type=local,mode=max,dest={place} --output=type=docker,dest=/job/out/o.tar /job/context"
    )
    built = job.run("FROM busybox\nRUN echo 1 > /a\nARG V=1\nRUN echo $V > /b\n", script)
    assert built.code == 0, built.text
    assert "CACHED" in built.text
    assert "cannot be had" not in built.text
    assert _names(job.folder / "out" / "o.tar") == {"b"}


def test_a_command_that_writes_into_the_context(job: Job) -> None:
    built = job.run("FROM busybox\nRUN echo lost > /job/context/lost\n")
    assert built.code != 0
    assert "/job/context/lost" in built.text
    assert "not part of the image" in built.text


def test_a_working_directory_in_the_context(job: Job) -> None:
    built = job.run(
        "FROM busybox\nRUN true\nWORKDIR /job/context/app\n",
        "ci-builder build $FLAGS --isolation=in-place /job/context",
    )
    assert built.code != 0
    assert "/job/context/app" in built.text
    assert not (job.folder / "context" / "app").exists()


def test_a_base_with_files_where_something_is_mounted(job: Job) -> None:
    (job.folder / "volume").mkdir()
    job.volumes.append(f"--volume={job.folder / 'volume'}:/usr/lib")
    built = job.run("FROM busybox\nRUN true\n")
    assert built.code != 0
    assert "/usr/lib" in built.text
    assert "mounted" in built.text


@pytest.mark.parametrize("mode", ["4755", "6755"])
@pytest.mark.parametrize("user", ["root", "1234"])
def test_the_jobs_variables_are_out_of_reach(job: Job, mode: str, user: str) -> None:
    look = "for p in /proc/[0-9]*; do {} $p/environ; done 2>/dev/null | tr '\\0' '\\n'"
    dockerfile = (
        f"FROM busybox\nRUN cp /bin/busybox /bin/seek && chmod {mode} /bin/seek\nUSER {user}\n"
        f"RUN {look.format('cat')}; ln -s /bin/seek /tmp/cat; {look.format('/tmp/cat')}; echo end\n"
    )
    built = job.run(dockerfile, "ci-builder build $FLAGS /job/context; echo code $?")
    assert "code 0" in built.text, built.text
    assert SECRET not in built.text


def test_a_changed_builder_is_not_run_again(job: Job) -> None:
    dockerfile = "FROM busybox\nRUN echo 'import os; print(os.environ)' > /ci-builder/bin/ci-builder\n"
    built = job.run(dockerfile, "ci-builder build $FLAGS /job/context; ci-builder --version; echo end")
    assert "/ci-builder/bin/ci-builder" in built.text
    assert "not part of the image" in built.text
    assert SECRET not in built.text


def test_credentials_are_away_during_a_command(job: Job) -> None:
    dockerfile = "FROM busybox\nRUN find / -xdev -name 'config.json' | xargs -r cat; echo done\n"
    script = (
        f'echo \'{{"auths":{{"r.example":{{"auth":"{SECRET}"}}}}}}\' > /kaniko/.docker/config.json; '
        "ci-builder build $FLAGS /job/context; echo code $?; cat /kaniko/.docker/config.json"
    )
    built = job.run(dockerfile, script)
    during, _, after = built.text.partition("code ")
    assert after.startswith("0") or SECRET in built.text
    assert SECRET not in during
    assert SECRET in built.text, "the job's own file is not there any more"
