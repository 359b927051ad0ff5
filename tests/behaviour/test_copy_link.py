"""COPY --link: the same layer over every base, in every executor that has root here."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.compare.builders import build_ours
from tests.servers.bases import Base

pytestmark = pytest.mark.root

_PLAIN = "RUN true\n"
_OTHER = "RUN mkdir -p /opt/real && chmod 700 /opt && chown 7:7 /opt && ln -s /opt/real /opt/app\n"
_STEPS = """\
COPY --link --chown=5:6 files /opt/app/files
ADD --link archive.tar files/a /opt/app/
RUN test -f /opt/app/files/d/b && test -f /opt/app/in/archive && touch /after
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "files/d").mkdir(parents=True)
    (folder / "files/a").write_text("a")
    (folder / "files/d/b").write_text("b")
    with tarfile.open(folder / "archive.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("in/archive"))
    return folder


def _layers(context: Path, base: Base, before: str, isolation: str = "auto") -> list[bytes]:
    """The tars of the layers above the base's, made by steps after ``before``."""
    (context / "Dockerfile").write_text(f"FROM busybox\n{before}{_STEPS}")
    layout = context.parent / f"layout-{len(list(context.parent.iterdir()))}"
    (context.parent / "home").mkdir(exist_ok=True)
    built = build_ours(layout, context, [], home=context.parent / "home", bases=[base], isolation=isolation)
    assert built.code == 0, built.text
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(layout, entry["digest"]))
    return [gzip.decompress(_blob(layout, item["digest"])) for item in manifest["layers"][1:]]


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def _entries(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {item.name: item for item in archive}


def test_the_layer_does_not_know_its_base(context: Path, busybox: Base) -> None:
    one, other = (_layers(context, busybox, before) for before in (_PLAIN, _OTHER))
    assert one[0] != other[0]
    assert one[1:3] == other[1:3]


def test_what_is_in_the_layer(context: Path, busybox: Base) -> None:
    _, copied, added, after = map(_entries, _layers(context, busybox, _OTHER))
    files = "opt/app/files"
    assert set(copied) == {"opt", "opt/app", files, f"{files}/a", f"{files}/d", f"{files}/d/b"}
    assert set(added) == {"opt", "opt/app", "opt/app/a", "opt/app/in", "opt/app/in/archive"}
    assert all((item.uid, item.gid) == (5, 6) for item in copied.values())
    assert all((item.uid, item.gid) == (0, 0) for item in added.values())
    assert {item.mode for item in copied.values() if item.isdir()} == {0o755}
    assert [copied[name].mtime for name in ("opt", "opt/app")] == [0, 0]
    for name in ("files", "files/d"):
        assert copied[f"opt/app/{name}"].mtime == int((context / name).stat().st_mtime)
    assert "after" in after
    assert not any(name.startswith("opt") for name in after)


@pytest.mark.parametrize("isolation", ["namespace", "ptrace", "chroot"])
def test_every_executor_makes_the_same_layer(context: Path, busybox: Base, isolation: str) -> None:
    assert _layers(context, busybox, _OTHER, isolation)[1:3] == _layers(context, busybox, _PLAIN)[1:3]
