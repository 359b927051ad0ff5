"""--build-context NAME=FOLDER where FROM names it, where nothing does, and where it is not there."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.behaviour.test_run_mounts import Bench
from tests.servers.bases import Base

pytestmark = pytest.mark.root


@pytest.fixture(params=["namespace", "ptrace", "chroot"])
def bench(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Bench:
    return Bench(tmp_path, busybox, str(request.param))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root file system with a shell, files that .dockerignore leaves out, and a closed root."""
    place = tmp_path / "rootfs"
    (place / "bin").mkdir(parents=True)
    (place / "etc").mkdir()
    (place / "etc/own").write_text("own\n")
    (place / "etc/own").chmod(0o640)
    (place / "left-out").write_text("x")
    (place / ".dockerignore").write_text("left-out\n")
    (place / "bin/link").symlink_to("/etc/own")
    place.chmod(0o700)
    return place


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_a_base(bench: Bench, folder: Path, *, packed: bool) -> None:
    value = folder
    if packed:
        value = folder.with_suffix(".tar")
        with tarfile.open(value, "w") as tar:
            tar.add(folder, ".")
    text = """\
FROM st AS one
COPY --from=busybox /bin/busybox /bin/sh
RUN echo run > /said
FROM one
COPY --from=st /etc/own /again
FROM busybox AS replaced
RUN false
FROM replaced
COPY --from=1 /said /again /
"""
    contexts = (f"--build-context=st={value}", f"--build-context=replaced={value}")
    built = bench.build("base", text, *contexts)
    assert built.code == 0, built.text
    assert "is not used" not in built.text
    found = bench.files("base")
    assert found.keys() == {"etc/own", ".dockerignore", "said", "again"}
    with tarfile.open(bench.folder / "base.tar") as archive:
        assert (archive.getmember("etc/own").mode, archive.getmember("etc/own").uid) == (0o640, 0)
        assert archive.getmember("bin/link").linkname == "/etc/own"


def test_what_nothing_names_is_said(busybox: Base, tmp_path: Path, folder: Path) -> None:
    bench = Bench(tmp_path, busybox, "none")
    text = "FROM used AS never-built\nFROM busybox\nCOPY Dockerfile /\n"
    built = bench.build("one", text, f"--build-context=other={folder}", f"--build-context=used={folder}")
    assert built.code == 0, built.text
    assert "warning: the build context other is not used in the Dockerfile" in built.text
    assert "the build context used" not in built.text
    missing = bench.build("two", text, "--build-context=other=/not/there")
    assert missing.code != 0
    assert "there is no build context '/not/there'" in missing.text
