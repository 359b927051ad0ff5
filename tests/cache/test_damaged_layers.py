"""Layers in a cached folder whose bytes are no longer what their digest says: a disk that forgets, a download
by the CI that ended early. Nothing false leaves the build, and the folder is mended."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.cache.bench import Bench
from tests.compare.builders import Built, command, environment, run_ours
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]

_DOCKERFILE = "FROM busybox\nRUN echo one > /one\nRUN seq 9999 > /two\n"
_MADE_ANEW = "a layer of the cache cannot be had, so it is made anew"


def _arguments(folder: Path, base: Base, *more: str) -> list[str]:
    (folder / "context").mkdir(exist_ok=True)
    (folder / "context/Dockerfile").write_text(_DOCKERFILE)
    return [
        *("build", "--progress=plain", "--isolation=namespace"),
        f"--build-context=busybox=oci-layout://{base.layout}",
        *(f"--cache-from=type=local,src={folder / 'kept'}", f"--cache-to=type=local,dest={folder / 'kept'}"),
        *(*more, str(folder / "context")),
    ]


def _build(folder: Path, base: Base, *more: str) -> Built:
    built = run_ours(_arguments(folder, base, *more), home=folder)
    assert "Traceback" not in built.text, built.text
    return built


def _layers(kept: Path) -> list[Path]:
    """The layers of the cache's image, bottom first."""
    (manifest,) = json.loads((kept / "index.json").read_text())["manifests"]
    layers = json.loads(_blob(kept, manifest["digest"]).read_text())["layers"]
    return [_blob(kept, layer["digest"]) for layer in layers]


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs/sha256" / digest.removeprefix("sha256:")


def test_a_blob_that_is_no_file(tmp_path: Path, busybox: Base) -> None:
    """Nothing is waited for."""
    assert _build(tmp_path, busybox, f"--output=type=oci,dest={tmp_path / 'first'}").code == 0
    for path in _layers(tmp_path / "kept"):
        path.unlink()
        os.mkfifo(path)
    built = _build(tmp_path, busybox, f"--output=type=oci,dest={tmp_path / 'second'}")
    assert built.code == 0, built.text
    _check_archive(tmp_path / "second")


def _damage(path: Path) -> None:
    """As many bytes as before, one of them another."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def _is_true(name: str, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == name.rpartition("/")[2]


def _all_true(layout: Path) -> bool:
    return all(_is_true(path.name, path.read_bytes()) for path in (layout / "blobs/sha256").iterdir())


def _check_archive(path: Path) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.startswith("blobs/") and member.isfile():
                content = archive.extractfile(member)
                assert content is not None
                assert _is_true(member.name, content.read()), member.name


def _check_files(path: Path) -> None:
    with tarfile.open(path) as archive:
        for name, text in (("one", "one\n"), ("two", "".join(f"{number}\n" for number in range(1, 10_000)))):
            content = archive.extractfile(name)
            assert content is not None
            assert content.read() == text.encode()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "output",
    [
        "type=oci",
        "type=oci,compression=uncompressed",
        "type=oci,compression=zstd",
        "type=oci,tar=false",
        "type=docker",
        "type=tar",
    ],
)
def test_the_image_is_right(output: str, number: int, tmp_path: Path, busybox: Base) -> None:
    dest = tmp_path / "result"
    built = _build(tmp_path, busybox, f"--output={output},dest={tmp_path / 'first'}")
    assert built.code == 0, built.text
    _damage(_layers(tmp_path / "kept")[number])
    built = _build(tmp_path, busybox, f"--output={output},dest={dest}")
    assert built.code == 0, built.text
    assert built.text.count(_MADE_ANEW) == 1, built.text
    if dest.is_dir():
        assert _all_true(dest)
    elif output == "type=tar":
        _check_files(dest)
    else:
        _check_archive(dest)
    assert _all_true(tmp_path / "kept")
    built = _build(tmp_path, busybox, f"--output={output},dest={tmp_path / 'last'}")
    assert built.text.count(" CACHED") == 2, built.text


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("compression", ["gzip", "uncompressed", "zstd"])
def test_a_step_that_is_new(compression: str, number: int, tmp_path: Path, busybox: Base) -> None:
    """The layers are unpacked for it."""
    dest = tmp_path / "result"
    built = _build(tmp_path, busybox, f"--output=type=oci,compression={compression},dest={dest}")
    assert built.code == 0, built.text
    _damage(_layers(tmp_path / "kept")[number])
    (tmp_path / "more").write_text(_DOCKERFILE + "RUN cat /one /two | md5sum > /three\n")
    built = _build(
        tmp_path,
        busybox,
        *(f"--output=type=oci,compression={compression},dest={dest}", f"--file={tmp_path / 'more'}"),
    )
    assert built.code == 0, built.text
    assert built.text.count(_MADE_ANEW) == 1, built.text
    _check_archive(dest)
    assert _all_true(tmp_path / "kept")


def test_the_stream_is_cut(tmp_path: Path, busybox: Base) -> None:
    """What went to standard output cannot be taken back: the build fails, and the next one is right."""
    assert _build(tmp_path, busybox, f"--output=type=oci,dest={tmp_path / 'first'}").code == 0
    _damage(_layers(tmp_path / "kept")[0])
    failed = subprocess.run(
        command(_arguments(tmp_path, busybox, "--output=type=oci,dest=-")),
        capture_output=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        check=False,
    )
    assert failed.returncode == 1
    assert b"expected sha256:" in failed.stderr
    dest = tmp_path / "result"
    built = _build(tmp_path, busybox, f"--output=type=oci,dest={dest}")
    assert built.code == 0, built.text
    _check_archive(dest)
    assert _all_true(tmp_path / "kept")


def test_a_registry_is_sent_what_is_right(bench: Bench) -> None:
    """Of a layer that goes in several pieces."""
    bench.write({"Dockerfile": "FROM BASE\nRUN head -c 70000000 /dev/urandom > /large\n"})
    kept = bench.folder / "kept"
    local = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept}")
    bench.build(*local, f"--output=type=oci,dest={bench.folder}/first", push=False)
    (layer,) = _layers(kept)
    _damage(layer)
    outcome = bench.build(*local)
    assert [_MADE_ANEW in warning for warning in outcome.warnings] == [True]
    assert len(outcome.asked("PATCH")) > 2
    assert _all_true(kept)
    assert set(bench.build(*local).steps.values()) == {"CACHED"}


def test_the_base_is_damaged(tmp_path: Path, busybox: Base) -> None:
    """There is nothing that it could be made of anew."""
    layout = tmp_path / "layout"
    subprocess.run(["cp", "-r", busybox.layout, layout], check=True)
    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    (layer,) = json.loads(_blob(layout, manifest["digest"]).read_text())["layers"]
    _damage(_blob(layout, layer["digest"]))
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM base\nLABEL a=b\n")
    arguments = [
        *("build", "--progress=plain", f"--build-context=base=oci-layout://{layout}"),
        *(f"--output=type=oci,dest={tmp_path / 'out'}", str(tmp_path / "context")),
    ]
    built = run_ours(arguments, home=tmp_path)
    assert built.code == 1
    assert f"expected {layer['digest']}" in built.text
    assert not (tmp_path / "out").exists()
