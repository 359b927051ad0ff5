"""The same input gives the same digest: another time, another folder, any executor, without any right."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.compare.builders import Built
from tests.contracts.executors import settings
from tests.outputs.project import EPOCH, Project, blob, compressions, layout_image, make_project
from tests.servers import ordinary_user
from tests.servers.bases import Base
from tests.servers.bound_in import PROGRAM, bound_in
from tests.servers.dockerd import Docker
from tests.servers.ordinary_user import OrdinaryUser

pytestmark = [pytest.mark.root, pytest.mark.commands]
_FORM = "compression=zstd,rewrite-timestamp=true"
_RESTRICTED = ("--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges")
# Whatever may get the time of a build, the order of a folder or an inode into a layer.
_DOCKERFILE = """\
FROM busybox AS below
RUN mkdir /kept /gone /emptied && touch /kept/a /gone/b /emptied/c /emptied/d
FROM below
WORKDIR /srv/app
COPY --chown=worker:staff . .
ADD more.tar /unpacked/
COPY --from=below /kept /copied
COPY --link --chown=1001:100 some /linked/deep/
USER worker
RUN id > /tmp/id && mkdir -p /tmp/x/y && ln -s a /tmp/x/b
USER 0
RUN rm -r /gone /etc/motd && rm -r /emptied && mkdir /emptied && touch /emptied/d && ln /kept/a /kept/again
RUN for n in 9 3 7 1 5; do echo $n > /kept/$n; done && chown 5:6 /kept/3 && chmod 4755 /kept/3
RUN mkdir /devices && mkfifo /devices/fifo && setfattr -n user.colour -v blue /devices
RUN true
"""


def _project(folder: Path, base: Base, moment: int) -> Project:
    """The same project each time; its files are as old as ``moment`` says."""
    project = make_project(folder, base)
    context = project.folder / "context"
    (context / "Dockerfile").write_text(_DOCKERFILE)
    for name in ("some", "others", "folder/deep/file"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(name)
    for path in (context / "folder", *(context / "folder").rglob("*")):
        os.utime(path, (EPOCH, EPOCH))  # they are content of the archive
    shutil.make_archive(str(folder / "more"), "tar", context / "folder")
    shutil.move(folder / "more.tar", context / "more.tar")
    for path in (context, *context.rglob("*")):
        os.utime(path, (moment, moment))
    return project


def _digest(project: Project, isolation: str, form: str = _FORM, name: str = "image") -> str:
    name = f"{name}-{isolation}"
    done = project.build(f"--output=type=oci,tar=false,dest={name},{form}", isolation=isolation)
    assert done.code == 0, done.text
    entry, manifest, _ = layout_image(project.folder / name)
    assert compressions(manifest)[1:] == ["tar+zstd"] * (len(manifest["layers"]) - 1)
    digest: str = entry["digest"]
    return digest


def test_another_folder_another_time_and_every_executor(tmp_path: Path, busybox: Base) -> None:
    one = _project(tmp_path / "one", busybox, int(time.time()))
    digest = _digest(one, "namespace")
    time.sleep(1.1)
    two = _project(tmp_path / "another/folder", busybox, EPOCH + 1)
    assert {_digest(two, name) for name in ("namespace", "ptrace", "chroot")} == {digest}
    # It is the input that decides: a newer epoch, or an older file, gives another image.
    two.env["SOURCE_DATE_EPOCH"] = str(EPOCH + 1)
    assert _digest(two, "namespace", name="newer") != digest
    two.env["SOURCE_DATE_EPOCH"] = str(EPOCH)
    os.utime(two.folder / "context/some", (EPOCH - 1, EPOCH - 1))
    assert _digest(two, "namespace", name="older") != digest


def test_without_cutting_times_it_is_the_time_of_the_build(tmp_path: Path, busybox: Base) -> None:
    one = _project(tmp_path / "one", busybox, EPOCH)
    plain = "compression=zstd"
    digest = _digest(one, "namespace", plain)
    time.sleep(1.1)
    assert _digest(one, "namespace", plain, "again") != digest


def test_layers_and_history_of_the_base_stay(tmp_path: Path, busybox: Base) -> None:
    one = _project(tmp_path / "one", busybox, int(time.time()))
    _digest(one, "namespace")
    _, manifest, config = layout_image(one.folder / "image-namespace")
    _, base_manifest, base_config = layout_image(busybox.layout)
    count = len(base_manifest["layers"])
    assert manifest["layers"][:count] == base_manifest["layers"]
    for layer in base_manifest["layers"]:
        kept = blob(one.folder / "image-namespace", layer["digest"]).read_bytes()
        assert kept == blob(busybox.layout, layer["digest"]).read_bytes()
    history = base_config["history"]
    assert config["history"][: len(history)] == history
    assert {item["created"] for item in config["history"][len(history) :]} == {"2017-07-14T02:40:00Z"}


@pytest.fixture
def wanted(tmp_path: Path, busybox: Base) -> str:
    """The digest that root's build gives, a second before."""
    digest = _digest(_project(tmp_path / "one", busybox, int(time.time())), "namespace")
    time.sleep(1.1)
    return digest


@pytest.mark.skipif(bool(ordinary_user.refusal()), reason=ordinary_user.refusal())
@pytest.mark.parametrize("isolation", ["ptrace", "namespace"])
def test_as_an_ordinary_user(tmp_path: Path, busybox: Base, wanted: str, isolation: str) -> None:
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(place.stat().st_mode | 0o011)
    two = _project(tmp_path / "two", busybox, int(time.time()))
    user = OrdinaryUser(tmp_path / "user", {busybox.layout: "base", two.folder / "context": "checkout"})
    done = user(
        [
            *("build", "--progress=plain", f"--isolation={isolation}"),
            f"--build-context=busybox=oci-layout://{user.folder}/base",
            *(f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", f"--output=type=oci,tar=false,dest=image,{_FORM}"),
            f"{user.folder}/checkout",
        ]
    )
    assert done.code == 0, done.text
    assert layout_image(user.home / "image")[0]["digest"] == wanted


@pytest.mark.docker
def test_in_a_container_without_any_right(tmp_path: Path, docker: Docker, busybox: Base, wanted: str) -> None:
    two = _project(tmp_path / "two", busybox, int(time.time()))
    out = tmp_path / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    done = _in_container(docker, two, out, f"--output=type=oci,tar=false,dest=/out/image,{_FORM}")
    assert done.code == 0, done.text
    assert "executor: ptrace" in done.text
    assert layout_image(out / "image")[0]["digest"] == wanted


@pytest.mark.docker
@pytest.mark.parametrize("flags", [(), _RESTRICTED], ids=["in-place", "ptrace"])
def test_in_the_builder_image(
    tmp_path: Path, docker: Docker, busybox: Base, builder_image: str, wanted: str, flags: tuple[str, ...]
) -> None:
    """``build`` gives the digest of other surroundings; ``verify`` may build twice in one container."""
    two = _project(tmp_path / "two", busybox, int(time.time()))
    out = tmp_path / "out"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    output = f"--output=type=oci,tar=false,dest=/out/image,{_FORM}"
    options = f"--progress=plain --build-context=busybox=oci-layout:///base {output} /checkout"
    script = f"ci-builder verify {options} && ci-builder build {options} && ls -A /out"
    done = docker.run(
        *("run", "--rm", "--network=none", "--entrypoint=", f"--env=SOURCE_DATE_EPOCH={EPOCH}", *flags),
        *(f"--volume={two.folder}/context:/checkout:ro", f"--volume={out}:/out"),
        *(f"--volume={busybox.layout}:/base:ro", builder_image, "sh", "-c", script),
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, text
    assert f"executor: {'ptrace' if flags else 'in-place'}" in text
    assert f"the same twice: {wanted}" in text
    assert layout_image(out / "image")[0]["digest"] == wanted


def _in_container(docker: Docker, project: Project, out: Path, output: str) -> Built:
    """The build by a user without any right."""
    image = settings.make_image(docker)
    done = docker.run(
        *("run", "--rm", "--network=none", "--entrypoint=", *_RESTRICTED, *bound_in(project.env)),
        *(f"--volume={project.folder}/context:/checkout:ro", f"--volume={out}:/out"),
        f"--volume={project.base.layout}:/base:ro",
        *(image, *PROGRAM, "build", "--progress=plain"),
        *("--build-context=busybox=oci-layout:///base", output, "/checkout"),
    )
    return Built(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def test_the_dockerfile_sees_the_time(tmp_path: Path, busybox: Base) -> None:
    project = make_project(tmp_path, busybox)
    (project.folder / "context/Dockerfile").write_text(
        "FROM busybox\nARG SOURCE_DATE_EPOCH\nLABEL time=$SOURCE_DATE_EPOCH\n"
    )
    project.built("--output=type=oci,tar=false,dest=image")
    assert layout_image(project.folder / "image")[2]["config"]["Labels"] == {"time": str(EPOCH)}
    project.built("--output=type=oci,tar=false,dest=other", "--build-arg=SOURCE_DATE_EPOCH=5")
    config = layout_image(project.folder / "other")[2]
    assert config["config"]["Labels"] == {"time": "5"}
    assert config["created"] == "1970-01-01T00:00:05Z"


def test_the_time_of_an_archive(tmp_path: Path, busybox: Base) -> None:
    project = make_project(tmp_path, busybox)
    project.env["SOURCE_DATE_EPOCH"] = "context"
    context = project.folder / "context"
    (context / "Dockerfile").write_text("FROM scratch\nCOPY word /word\n")
    for path, moment in ((context, 1), (context / "word", EPOCH), (context / "Dockerfile", 2)):
        os.utime(path, (moment, moment))
    shutil.make_archive(str(tmp_path / "archive"), "gztar", context)
    shutil.rmtree(context)
    (tmp_path / "archive.tar.gz").rename(context)
    project.built("--output=type=oci,tar=false,dest=image")
    assert layout_image(project.folder / "image")[2]["created"] == "2017-07-14T02:40:00Z"


def test_a_folder_has_no_time(tmp_path: Path, busybox: Base) -> None:
    project = make_project(tmp_path, busybox)
    project.env["SOURCE_DATE_EPOCH"] = "context"
    text = project.built("--output=type=oci,tar=false,dest=image")
    assert "SOURCE_DATE_EPOCH=context: a folder has no time of its own" in text
    created = json.dumps(layout_image(project.folder / "image")[2]["created"])
    assert created.startswith(f'"{time.gmtime().tm_year}-')
