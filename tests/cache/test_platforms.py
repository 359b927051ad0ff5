"""Caches of images for another platform: stages of this machine's platform are known by their own base."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.behaviour.test_platforms import OTHER
from tests.cache.workbench import Bench, make_bench
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]
_CROSS = """\
FROM --platform=$BUILDPLATFORM compiler AS c
COPY word /word
RUN cat /v > /x
FROM scratch AS below
COPY --from=c /x /x
FROM below
"""


@pytest.fixture
def bench(busybox: Base, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, busybox)


def _compiler(bench: Bench, version: str) -> str:
    """A base of this machine's platform, for whose ``version`` a file stands."""
    folder = bench.folder / f"compiler-{version}"
    bench.write("Dockerfile", f"FROM busybox\nRUN echo {version} > /v\n")
    bench.look("build", f"--output=type=oci,tar=false,dest={folder}")
    return f"--build-context=compiler=oci-layout://{folder}"


def _build(bench: Bench, compiler: str, dockerfile: str = _CROSS, code: int = 0) -> str:
    bench.write("Dockerfile", dockerfile)
    cache = bench.folder / "kept"
    places = (f"--cache-from=type=local,src={cache}", f"--cache-to=type=local,dest={cache},mode=max")
    output = f"--output=type=tar,dest={bench.folder}/files.tar"
    return bench.look("build", compiler, f"--platform=linux/{OTHER}", *places, output, code=code)


def _made(bench: Bench) -> bytes:
    with tarfile.open(bench.folder / "files.tar") as files:
        found = files.extractfile("x")
        assert found is not None
        return found.read()


def test_another_compiler_is_no_hit(bench: Bench) -> None:
    one, two = _compiler(bench, "1"), _compiler(bench, "2")
    assert "CACHED" not in _build(bench, one)
    assert _made(bench) == b"1\n"
    again = _build(bench, one)
    assert again.count("CACHED") == 1, again
    assert "DONE" not in again.replace("base", ""), again
    assert _made(bench) == b"1\n"
    _build(bench, two)
    assert _made(bench) == b"2\n"


def test_a_command_that_is_missed(bench: Bench) -> None:
    """Only a RUN that is missed is refused."""
    compiler = _compiler(bench, "1")
    _build(bench, compiler)
    foreign = _CROSS + "RUN true\n"
    text = _build(bench, compiler, foreign, code=1)
    assert "Dockerfile:7: this RUN is for linux/" in text
    bench.write("word", "another word\n")
    text = _build(bench, compiler, foreign, code=1)
    assert "Dockerfile:7: this RUN is for linux/" in text
