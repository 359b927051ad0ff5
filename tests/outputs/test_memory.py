"""Memory hardly grows with the number of files.

Two builds, one with more files than the other, tell what each file more takes: an object for each is some
hundred bytes, and there is never only one. That a million of them stay below the limit is measured by
benchmarks/growth.py.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compare.builders import build_ours
from tests.compare.peak import Peak
from tests.servers import ordinary_user
from tests.servers.bases import Base
from tests.servers.ordinary_user import OrdinaryUser

pytestmark = [pytest.mark.root, pytest.mark.commands]

_LIMIT = 150e6  # bytes
_FOR_EACH = 100  # bytes for a file, what the allocator wastes included
_FILLER = 32 << 20  # bytes of a file that fills whatever holds blocks of bytes, in the smaller build too
# Found in the overlay and packed.
_AS_ROOT = """\
FROM busybox
RUN head -c {filler} /dev/zero > /filler
RUN i=0; while [ $i -lt {folders} ]; do mkdir -p /srv/$i; cd /srv/$i; \
seq 1 1000 | sed s/^/file-/ | xargs touch; i=$((i+1)); done
"""
# Unpacked, copied, found by a scan, packed; an owner recorded for each file.
_WITHOUT_RIGHTS = "FROM busybox\nCOPY files /files\nRUN chown -R 1000:1000 /files\n"


def _tar(path: Path, count: int, above: str, dockerfile: str) -> None:
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        filler = tarfile.TarInfo(f"{above}filler")
        filler.size = _FILLER
        tar.addfile(filler, io.BytesIO(bytes(_FILLER)))
        for number in range(count):
            tar.addfile(tarfile.TarInfo(f"{above}{number // 500}/file-number-{number}"))
            vars(tar)["members"].clear()


def _check(peak: Callable[[int], int], some: int, more: int) -> None:
    """``peak``: that of a build of so many files, in bytes."""
    of_some, of_more = peak(some), peak(more)
    assert of_some > 20e6, "no process was seen"
    assert of_more < _LIMIT
    assert of_more - of_some < _FOR_EACH * (more - some)


def test_as_root(tmp_path: Path, busybox: Base) -> None:
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "Dockerfile").write_text(_AS_ROOT.format(filler=_FILLER, folders=count // 1000))
        with Peak(str(folder)) as peak:
            layout = tmp_path / f"image-{count}"
            done = build_ours(layout, folder, (), home=tmp_path, bases=[busybox], isolation="namespace")
        assert done.code == 0, done.text
        return peak.largest

    _check(peak, 10_000, 70_000)


@pytest.mark.skipif(bool(ordinary_user.refusal()), reason=ordinary_user.refusal())
def test_without_any_right(tmp_path: Path, busybox: Base) -> None:
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(place.stat().st_mode | 0o011)
    user = OrdinaryUser(tmp_path / "user", {busybox.layout: "busybox"})

    def peak(count: int) -> int:
        context = tmp_path / f"context-{count}.tar"
        _tar(context, count, "files/", _WITHOUT_RIGHTS)
        flags = [f"--build-context=busybox=oci-layout://{user.folder / 'busybox'}", "--isolation=ptrace"]
        with Peak(str(context)) as peak:
            done = user(["build", *flags, f"--output=type=oci,dest=image-{count}", str(context)])
        assert done.code == 0, done.text
        return peak.largest

    _check(peak, 10_000, 40_000)
