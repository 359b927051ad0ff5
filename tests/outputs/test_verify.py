"""``verify``: two builds of the same, compared; nothing is pushed, written or left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outputs.project import Project, make_project
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]
_CUT = "--output=type=registry,name=nowhere.invalid/app:1,rewrite-timestamp=true"


@pytest.fixture
def project(tmp_path: Path, busybox: Base) -> Project:
    return make_project(tmp_path, busybox)


def _dockerfile(project: Project, *instructions: str) -> None:
    text = "\n".join(("FROM busybox", *instructions)) + "\n"
    (project.folder / "context/Dockerfile").write_text(text)


def test_the_same_twice(project: Project) -> None:
    done = project.build(_CUT, "--push", name="verify")
    assert done.code == 0, done.text
    assert "the same twice: sha256:" in done.text
    assert {path.name for path in project.folder.iterdir()} == {"context"}


def test_times_are_named(project: Project) -> None:
    _dockerfile(project, "COPY word /word", "RUN mkdir /made")
    done = project.build("--output=type=oci,dest=image.tar", name="verify")
    assert done.code == 1, done.text
    assert "layer 3 (RUN /bin/sh -c mkdir /made # buildkit)" in done.text
    assert "  /made: time: 20" in done.text
    assert "/word" not in done.text.partition("not the same")[2]
    assert "only times differ: set SOURCE_DATE_EPOCH" in done.text
    assert not (project.folder / "image.tar").exists()


def test_every_kind_of_difference_is_named(project: Project) -> None:
    _dockerfile(
        project,
        "RUN head -c 9 /dev/urandom > /random",
        "RUN n=$(head -c 4 /dev/urandom | od -An -tu4 | tr -d ' '); echo x > /owned && chown $n /owned "
        "&& echo y > /named-$n && ln -s $n /link && head -c $(( n % 65000 )) /dev/zero > /sized",
    )
    done = project.build(_CUT, "--quiet", name="verify")
    assert done.code == 1, done.text
    lines = done.text.splitlines()
    assert "layer 2 (RUN /bin/sh -c head -c 9 /dev/urandom > /random # buildkit)" in lines
    for path, how in (("/random", "content"), ("/owned", "owner"), ("/link", "link"), ("/sized", "size")):
        assert any(line.startswith(f"  {path}: {how}: ") for line in lines), done.text
    assert sum(": existence: " in line for line in lines) == 2
    assert not any("only times differ" in line for line in lines)


def test_without_a_time_the_config_differs(project: Project) -> None:
    project.env.clear()
    _dockerfile(project, "ENV A=b")
    done = project.build(name="verify")
    assert done.code == 1, done.text
    assert '  history[1].created: created: "20' in done.text
    assert "only times differ" in done.text


def test_each_image_is_compared(project: Project) -> None:
    done = project.build(
        *(_CUT, "--output=type=oci,dest=x,compression=zstd,rewrite-timestamp=true"),
        "--output=type=local,dest=y,target=files",
        name="verify",
    )
    assert done.code == 0, done.text
    assert done.text.count("the same twice") == 3


def test_a_build_that_fails(project: Project) -> None:
    _dockerfile(project, "RUN exit 7")
    done = project.build(_CUT, name="verify")
    assert done.code == 7, done.text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--output=type=oci,dest=x,nonsense=1", "there is no attribute 'nonsense'"),
        ("--file=-", "standard input cannot be read twice"),
        ("--check", "--check and --call build nothing"),
        ("--call=targets", "--check and --call build nothing"),
    ],
)
def test_wrong_arguments(project: Project, more: str, message: str) -> None:
    done = project.build(more, name="verify")
    assert done.code == 2
    assert message in done.text
