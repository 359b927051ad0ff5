"""The main job on real input: one application, built in four surroundings, pushed, pulled, run, equal.

In the builder image under plain ``docker run`` with GitLab's variables; the same without any right; on
this machine as root; on this machine as an ordinary user with subordinate ids.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.compare.builders import Built, run_ours
from tests.compare.difference import config_difference, files_difference
from tests.compare.entries import Exported, Filesystem
from tests.compare.images import export_ours
from tests.servers import bases
from tests.servers.bases import Base
from tests.servers.builder_image import certificates, index_arguments
from tests.servers.dockerd import Docker
from tests.servers.ordinary_user import UID, OrdinaryUser, refusal
from tests.servers.registry import PASSWORD, USER, RunningRegistry

pytestmark = [pytest.mark.docker, pytest.mark.root, pytest.mark.network]

_PROJECT = Path(__file__).parent / "project"
_VERSION = "1.2.3"
_BY_NATURE = {
    "etc/shadow": "useradd writes the day of the build",
    "etc/shadow-": "its backup",
}
"""Files whose content differs from one build to the next, by any builder, and why."""

_SEEN = {
    "cwd": "/home/app",
    "greeting": f"hello moon from C, version {_VERSION}",
    "home": "/home/app",
    "idna": "xn--kse-qla.example",
    "links": 2,
    "listen": "0",
    "newer": True,
    "root": "0",
    "settings": {"colour": "blue"},
    "template": "dear {name}\n",
    "uid": 1500,
}
"""What the application sees of itself: its user, the setuid bit, the capability, the hard link …"""


@dataclass(frozen=True)
class Job:
    """What the three builds share."""

    context: Path
    base: str
    registry: RunningRegistry

    def reference(self, name: str) -> str:
        return f"{self.registry.host}/group/app-{name}:{_VERSION}"

    def arguments(self, name: str) -> list[str]:
        return [
            *("build", f"--build-arg=BASE={self.base}", f"--build-arg=VERSION={_VERSION}"),
            *(*index_arguments(), "--progress=plain"),
            *(f"--tag={self.reference(name)}", "--push", str(self.context)),
        ]

    def write_login(self, home: Path) -> None:
        """What ``docker login`` leaves behind."""
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (home / ".docker").mkdir(parents=True)
        config = {"auths": {self.registry.host: {"auth": secret}}}
        (home / ".docker/config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def job(debian: Base, password_registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("main-job")
    # pytest's folders are private; the ordinary user has to read the context.
    for above in (folder, folder.parent, folder.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)
    context = folder / "project"
    shutil.copytree(_PROJECT, context)
    shutil.copy(certificates(), context / "company.pem")
    base = bases.push(debian, password_registry.host, f"{USER}:{PASSWORD}")
    return Job(context, base, password_registry)


@pytest.fixture(scope="module")
def in_builder_image(job: Job, docker_with_debian: Docker, builder_image: str) -> str:
    """Built by ``ci`` in a container as GitLab's docker executor makes one."""
    return _in_container(job, docker_with_debian, builder_image, "in-place")


@pytest.fixture(scope="module")
def without_rights(job: Job, docker_with_debian: Docker, builder_image: str) -> str:
    """The same in a container of Kubernetes' "restricted" kind."""
    return _in_container(job, docker_with_debian, builder_image, "ptrace")


_RESTRICTED = ("--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def _in_container(job: Job, docker: Docker, builder_image: str, isolation: str) -> str:
    """``auto`` has to choose ``isolation`` there."""
    host, name = job.registry.host, f"app-{isolation}"
    arguments = [f"BASE={job.base}", f"VERSION={_VERSION}"]
    arguments += [text.removeprefix("--build-arg=") for text in index_arguments()]
    variables = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PROJECT_DIR": "/builds/group/app",
        "CI_REGISTRY": host,
        "CI_REGISTRY_IMAGE": f"{host}/group/{name}",
        "CI_REGISTRY_USER": USER,
        "CI_REGISTRY_PASSWORD": PASSWORD,
        "CI_COMMIT_TAG": _VERSION,
        "CI_COMMIT_REF_NAME": _VERSION,
        "CI_COMMIT_REF_SLUG": _VERSION.replace(".", "-"),
        "CI_COMMIT_SHA": "0123456789abcdef0123456789abcdef01234567",
        "CI_DEFAULT_BRANCH": "main",
        "CI_JOB_TOKEN": "job-token-of-the-test",
        "CI_BUILDER_BUILD_ARGS": "\n".join(arguments),
    }
    flags = [f"--env={name}={value}" for name, value in variables.items()]
    # As a runner's, the checkout has nothing of the pipeline before, which was another user's.
    for report in ("ci-builder.env", "gl-code-quality-report.json"):
        (job.context / report).unlink(missing_ok=True)
    done = docker.run(
        *("run", "--rm", "--network=host", f"--volume={job.context}:/builds/group/app"),
        *(_RESTRICTED if isolation == "ptrace" else ()),
        *("--workdir=/builds/group/app", *flags, builder_image, "ci"),
        timeout=900,
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, text
    assert f"executor: {isolation}" in text, text
    assert PASSWORD not in text
    return job.reference(isolation)


@pytest.fixture(scope="module")
def as_root(job: Job, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built on this machine by root."""
    home = tmp_path_factory.mktemp("root-home")
    job.write_login(home)
    return _checked(run_ours(job.arguments("root"), home=home, timeout=900), job.reference("root"))


@pytest.fixture(scope="module")
def as_user(job: Job) -> str:
    """Built on this machine by an ordinary user."""
    reason = refusal()
    if reason:
        pytest.skip(reason)
    user = OrdinaryUser(job.context.parent / "user")
    job.write_login(user.home)
    for path in (user.home / ".docker", user.home / ".docker/config.json"):
        os.chown(path, UID, UID)
    built = user(job.arguments("user"))
    return _checked(built, job.reference("user"))


@pytest.fixture(params=["in_builder_image", "without_rights", "as_root", "as_user"])
def reference(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def test_docker_pulls_and_runs_it(reference: str, job: Job, docker_with_debian: Docker) -> None:
    docker = docker_with_debian
    docker("login", "-u", USER, "--password-stdin", job.registry.host, stdin=PASSWORD.encode())
    docker("pull", reference)
    printed = docker("run", "--rm", "--network=host", reference, "moon")
    assert json.loads(printed) == _SEEN
    healthy = docker(
        "run", "--rm", "--network=host", "--entrypoint=/usr/local/bin/greet", reference, "--check"
    )
    assert healthy == ""


def test_all_are_equal(
    in_builder_image: str, without_rights: str, as_root: str, as_user: str, tmp_path: Path
) -> None:
    images = {name: _fetch(name, tmp_path) for name in (in_builder_image, without_rights, as_root, as_user)}
    first = images[in_builder_image]
    assert len(first.files.entries) > 3000
    for other in (without_rights, as_root, as_user):
        found = files_difference(_without_nature(first.files), _without_nature(images[other].files))
        found += config_difference(first.config, images[other].config)
        assert not found, f"{in_builder_image} and {other}:\n" + "\n".join(found[:50])


def test_files_and_config_are_as_written(as_root: str, tmp_path: Path) -> None:
    image = _fetch(as_root, tmp_path)
    entries, config = image.files.entries, image.config["config"]
    assert isinstance(config, dict)
    assert entries["usr/local/bin/whoami-root"].mode == 0o4711
    assert [name for name, _ in entries["usr/local/bin/listen"].xattrs] == ["security.capability"]
    assert frozenset({"usr/local/bin/greet", "usr/local/bin/hello"}) in image.files.links
    assert (entries["srv/current"].kind, entries["srv/current"].target) == ("symlink", "releases/1")
    assert (entries["opt/app/greet.py"].uid, entries["opt/app/greet.py"].gid) == (1500, 1500)
    assert (entries["var/lib/app"].mode, entries["var/lib/app"].uid) == (0o2750, 1500)
    assert "src" not in entries
    assert config["User"] == "app"
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/greet", "--check"]
    assert config["Entrypoint"] == ["python3", "/opt/app/greet.py"]
    assert config["Cmd"] == ["world"]


def _checked(built: Built, reference: str) -> str:
    assert built.code == 0, built.text
    assert "executor: namespace" in built.text, built.text
    assert PASSWORD not in built.text
    return reference


def _fetch(reference: str, folder: Path) -> Exported:
    layout = folder / reference.rpartition("/")[2].replace(":", "-")
    command = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", "--src-creds", f"{USER}:{PASSWORD}"]
    subprocess.run([*command, f"docker://{reference}", f"oci:{layout}:x"], check=True)
    return export_ours(layout)


def _without_nature(files: Filesystem) -> Filesystem:
    entries = {
        path: replace(entry, content="", size=0) if path in _BY_NATURE else entry
        for path, entry in files.entries.items()
    }
    return replace(files, entries=entries)
