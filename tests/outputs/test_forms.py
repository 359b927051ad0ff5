"""``--output`` in all its forms, read by others: skopeo, umoci, docker and a registry."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.compare.builders import command, environment, run_ours
from tests.compare.images import export_ours
from tests.compare.layers import apply_layers
from tests.outputs.project import (
    EPOCH,
    Project,
    blob,
    compressions,
    layout_image,
    make_project,
    run,
    skopeo,
)
from tests.servers.bases import Base
from tests.servers.dockerd import Docker
from tests.servers.registry import RunningRegistry

pytestmark = [pytest.mark.root, pytest.mark.commands]


@pytest.fixture
def project(tmp_path: Path, busybox: Base) -> Project:
    return make_project(tmp_path, busybox)


def test_forms_of_one_build(project: Project) -> None:
    _, base_manifest, _ = layout_image(project.base.layout)
    text = project.built(
        "--output=type=oci,tar=false,dest=usual",
        "--output=type=oci,tar=false,dest=zstd,compression=zstd,compression-level=10",
        "--output=type=oci,tar=false,dest=plain,compression=uncompressed,force-compression=true",
        "--output=type=oci,tar=false,dest=docker,oci-mediatypes=false",
    )
    manifests, configs = {}, {}
    for name in ("usual", "zstd", "plain", "docker"):
        entry, manifests[name], configs[name] = layout_image(project.folder / name)
        assert entry["digest"] in text
        # Another program finds every blob, and each is what its digest says.
        run("skopeo", "copy", f"oci:{project.folder / name}", f"dir:{project.folder / name}-copied")
    assert compressions(manifests["usual"]) == ["tar+gzip"] * 4
    assert compressions(manifests["zstd"]) == ["tar+gzip"] + ["tar+zstd"] * 3
    assert compressions(manifests["plain"]) == ["tar"] * 4
    assert manifests["docker"]["mediaType"].endswith("docker.distribution.manifest.v2+json")
    for name in ("usual", "zstd", "docker"):
        assert manifests[name]["layers"][0]["digest"] == base_manifest["layers"][0]["digest"]
    assert len({json.dumps(config) for config in configs.values()}) == 1
    files = [export_ours(project.folder / name).files for name in ("usual", "plain")]
    assert files[0] == files[1]


def test_umoci_unpacks_it(project: Project) -> None:
    project.built("-t", "app:1", "--output=type=oci,tar=false,dest=image,rewrite-timestamp=true")
    run("umoci", "unpack", "--image", f"{project.folder}/image:1", project.folder / "bundle")
    root = project.folder / "bundle/rootfs"
    found = (root / "made/folder/file").stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o4711, 1000, 50)
    assert found.st_mtime == EPOCH
    assert (root / "word").stat().st_ino == (root / "again").stat().st_ino
    assert not (root / "etc/motd").exists()


def test_annotations(project: Project) -> None:
    project.built(
        *("--annotation=all=1", "--annotation=manifest-descriptor:entry=2"),
        "--output=type=oci,tar=false,dest=one,annotation.Own=3,annotation-manifest-descriptor.own=4",
        "--output=type=oci,dest=two.tar",
    )
    entry, manifest, _ = layout_image(project.folder / "one")
    assert manifest["annotations"] == {"all": "1", "Own": "3"}
    created = {"org.opencontainers.image.created": "2017-07-14T02:40:00Z"}
    assert entry["annotations"] == created | {"entry": "2", "own": "4"}
    with tarfile.open(project.folder / "two.tar") as tar:
        index = tar.extractfile("index.json")
        assert index is not None
        (entry,) = json.load(index)["manifests"]
    assert entry["annotations"] == created | {"entry": "2"}
    assert skopeo("--raw", f"oci-archive:{project.folder}/two.tar")["annotations"] == {"all": "1"}


def test_several_targets(project: Project) -> None:
    text = project.built(
        *("--target=app", "--target=test"),
        "--output=type=oci,tar=false,dest=app",
        "--output=type=local,dest=out,target=test",
        "--output=type=tar,dest=files.tar,target=files",
    )
    assert export_ours(project.folder / "app").files.entries["word"].size == 5
    assert (project.folder / "out/report").read_text() == "tested\n"
    assert not (project.folder / "out/word").exists()
    with tarfile.open(project.folder / "files.tar") as tar:
        assert [(item.name, item.mtime) for item in tar] == [("word", EPOCH)]
    assert (project.folder / "out/report").stat().st_mtime == EPOCH
    assert text.count("echo made in a stage below > /below") == 2, "once in the log, once in the summary"


def test_only_what_outputs_want_is_built(project: Project) -> None:
    text = project.built("--output=type=local,dest=out,target=files")
    assert os.listdir(project.folder / "out") == ["word"]
    assert "made in a stage below" not in text
    text = project.built("--target=files", "--target=test", "--output=type=local,dest=more")
    assert os.listdir(project.folder / "more") == ["word"]
    assert "echo tested" in text


def test_commands_see_the_times_as_they_are(project: Project) -> None:
    (project.folder / "context/Dockerfile").write_text(
        "FROM busybox AS one\nRUN echo x > /made\nFROM one\nCOPY --link word /linked\n"
        f"RUN for file in /made /linked; do test $(stat -c %Y $file) -gt {EPOCH} || exit 1; done\n"
        "RUN echo later > /later\n"
    )
    project.built("--output=type=oci,tar=false,dest=image,rewrite-timestamp=true")
    entries = export_ours(project.folder / "image").files.entries
    assert {entries[name].modified for name in ("made", "linked", "later")} == {EPOCH}


def test_a_folder_with_nothing_else(project: Project) -> None:
    """mode=delete: what is not in the image goes, links to elsewhere are not followed."""
    dest, elsewhere = project.folder / "out", project.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (dest / "old/deep").mkdir(parents=True)
    (dest / "old/file").touch()
    (dest / "old-too").touch()
    (dest / "link").symlink_to(elsewhere)
    project.built("--target=files", "--output=type=local,dest=out")
    assert sorted(os.listdir(dest)) == ["link", "old", "old-too", "word"]
    project.built("--target=files", "--output=type=local,dest=out,mode=delete")
    assert os.listdir(dest) == ["word"]
    assert (elsewhere / "precious").exists()
    done = project.build("--target=files", "--output=type=local,dest=.,mode=delete")
    assert done.code == 1
    assert "mode=delete would empty ., which holds the working directory" in done.text
    assert (project.folder / "context").is_dir()


@pytest.mark.docker
@pytest.mark.parametrize(
    "form", ["", ",oci-mediatypes=true", ",compression=uncompressed,force-compression=true"]
)
def test_docker_loads_it(project: Project, docker: Docker, form: str) -> None:
    project.built("-t", "loaded:1", f"--output=type=docker,dest=image.tar{form}")
    docker("load", "-i", str(project.folder / "image.tar"))
    try:
        printed = docker("run", "--rm", "--network=none", "loaded:1", "cat", "/made/folder/file", "/soft")
        assert printed == "text\nword\n"
        assert docker("inspect", "-f", "{{.Created}}", "loaded:1").strip() == "2017-07-14T02:40:00Z"
    finally:
        docker("rmi", "-f", "loaded:1")


def test_pushes(project: Project, anonymous_registry: RunningRegistry) -> None:
    host = anonymous_registry.host
    text = project.built(
        f'--output=type=image,"name={host}/forms/a:1,{host}/forms/b:2",push=true',
        f"--output=type=registry,name={host}/forms/a:zstd,compression=zstd,force-compression=true",
        f"--output=type=registry,name={host}/forms/pinned,push-by-digest=true,annotation.only=here",
        "--metadata-file=meta.json",
        "--iidfile=iid",
    )
    raw = [
        skopeo("--raw", "--tls-verify=false", f"docker://{host}/forms/{name}")
        for name in ("a:1", "b:2", "a:zstd")
    ]
    assert raw[0] == raw[1]
    assert compressions(raw[0]) == ["tar+gzip"] * 4
    assert compressions(raw[2]) == ["tar+zstd"] * 4
    run(
        "skopeo", "copy", "--src-tls-verify=false", f"docker://{host}/forms/a:zstd", f"dir:{project.folder}/z"
    )
    metadata = json.loads((project.folder / "meta.json").read_text())
    assert metadata["image.name"] == f"{host}/forms/a:1,{host}/forms/b:2"
    assert metadata["containerimage.config.digest"] == raw[0]["config"]["digest"]
    assert metadata["containerimage.config.digest"] == (project.folder / "iid").read_text()
    digest = skopeo("--tls-verify=false", f"docker://{host}/forms/a:1")["Digest"]
    assert metadata["containerimage.digest"] == metadata["containerimage.descriptor"]["digest"] == digest
    assert metadata["containerimage.descriptor"]["annotations"] == {
        "config.digest": raw[0]["config"]["digest"],
        "org.opencontainers.image.created": "2017-07-14T02:40:00Z",
    }
    pinned = next(word for word in text.split() if word.startswith(f"{host}/forms/pinned@"))
    assert skopeo("--raw", "--tls-verify=false", f"docker://{pinned}")["annotations"] == {"only": "here"}
    tags = json.loads(run("skopeo", "list-tags", "--tls-verify=false", f"docker://{host}/forms/a"))["Tags"]
    assert sorted(tags) == ["1", "zstd"]


def test_pushing_by_digest_makes_no_tag(project: Project, anonymous_registry: RunningRegistry) -> None:
    name = f"{anonymous_registry.host}/forms/untagged"
    project.built(f"--output=type=registry,name={name},push-by-digest=true")
    (folder,) = anonymous_registry.storage.rglob("forms/untagged/_manifests")
    assert [path.name for path in folder.iterdir()] == ["revisions"]


@pytest.mark.parametrize("kind", ["oci", "tar"])
def test_standard_output_holds_the_tar_alone(project: Project, kind: str) -> None:
    done = subprocess.run(
        command(project.arguments(f"--output=type={kind}")),
        env=environment(project.folder) | project.env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert tar.getnames()
    assert len(done.stdout) % 512 == 0, "nothing follows the tar"
    assert done.stdout.endswith(bytes(1024))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output=type=oci,dest=x,compresion=zstd",), "did you mean compression?"),
        (("--output=type=local,dest=x,target=ap",), "target stage 'ap' could not be found"),
        (("--annotation=index:a=b",), "an image for one platform has no index"),
    ],
)
def test_errors_come_before_the_build(project: Project, arguments: tuple[str, ...], message: str) -> None:
    done = project.build(*arguments)
    assert done.code == 2, done.text
    assert message in done.text
    assert "RUN" not in done.text


def test_cutting_times_needs_a_time(project: Project) -> None:
    project.env.clear()
    done = project.build("--output=type=oci,dest=x,rewrite-timestamp=true")
    assert done.code == 2
    assert "set SOURCE_DATE_EPOCH" in done.text


def test_kaniko(project: Project, tmp_path: Path) -> None:
    """A Dockerfile without a base, so that no registry is needed."""
    (project.folder / "context/Dockerfile").write_text("FROM scratch\nCOPY word /word\n")
    built = run_ours(
        [
            *("executor", f"--context={project.folder}/context", "--no-push", "--reproducible"),
            *("--compression=zstd", "--compression-level=3", f"--oci-layout-path={tmp_path}/layout"),
        ],
        home=tmp_path,
    )
    assert built.code == 0, built.text
    _, manifest, config = layout_image(tmp_path / "layout")
    assert compressions(manifest) == ["tar+zstd"]
    assert config["created"] == config["history"][0]["created"] == "1970-01-01T00:00:00Z"
    run(
        "zstd",
        "-q",
        "-d",
        blob(tmp_path / "layout", manifest["layers"][0]["digest"]),
        "-o",
        tmp_path / "l.tar",
    )
    (entry,) = apply_layers([tmp_path / "l.tar"]).entries.values()
    assert entry.modified == 0
