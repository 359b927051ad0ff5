"""Memory does not grow with the number of files: a million of them stay below the limit.

Two builds, one with some files more than the other, tell what each file takes. The limit is far above what a
build of this size takes, so it is asked of the million: an object for each file would be hundreds of
megabytes too much.
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
_SOME, _MORE, _MANY = 8_000, 48_000, 1_000_000
# Unpacked, found in the overlay, packed; two names for each file; copied to another stage; removed.
_AS_ROOT = """\
FROM busybox AS one
ADD files.tar /added/
RUN cp -al /added /again
FROM busybox
COPY --from=one /again /copied
RUN rm -r /copied/1 && mkdir /copied/1
"""
# Unpacked, copied, found by a scan, packed; an owner recorded for each file.
_WITHOUT_RIGHTS = "FROM busybox\nCOPY files /files\nRUN chown -R 1000:1000 /files\n"


def _tar(path: Path, count: int, above: str = "", dockerfile: str = "") -> None:
    with tarfile.open(path, "w") as tar:
        if dockerfile:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(dockerfile)
            tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        for number in range(count):
            tar.addfile(tarfile.TarInfo(f"{above}{number // 500}/file-number-{number}"))
            vars(tar)["members"].clear()


def _of_a_million(peak: Callable[[int], int]) -> float:
    """What a build of that many files takes, in bytes, if it goes on as from some files to more."""
    some, more = peak(_SOME), peak(_MORE)
    assert some > 20e6, "no process was seen"
    return more + (more - some) / (_MORE - _SOME) * (_MANY - _MORE)


def test_as_root(tmp_path: Path, busybox: Base) -> None:
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "Dockerfile").write_text(_AS_ROOT)
        _tar(folder / "files.tar", count)
        with Peak(str(folder)) as peak:
            layout = tmp_path / f"image-{count}"
            done = build_ours(layout, folder, (), home=tmp_path, bases=[busybox], isolation="namespace")
        assert done.code == 0, done.text
        return peak.largest

    assert _of_a_million(peak) < _LIMIT


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

    assert _of_a_million(peak) < _LIMIT
