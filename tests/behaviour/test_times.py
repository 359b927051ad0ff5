"""Which times COPY, ADD and heredocs give, and whose a folder stays that they fill, on every executor.

The rows are what docker 28.5 with its BuildKit makes: each folder that is copied gives its own time to the
destination, and what comes into that afterwards makes it the build's time again.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable

import pytest

from tests.behaviour.workbench import Image, agree, folder
from tests.conformance.case import Case
from tests.conformance.case import File as Given

pytestmark = pytest.mark.root

_D, _E, _TOP = 1_500_000_000, 1_400_000_000, 1_300_000_000


def _tar(*members: tuple[str, int]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, moment in members:
            item = tarfile.TarInfo(name)
            item.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            item.mode, item.uid, item.gid, item.mtime = 0o700, 7, 8, moment
            tar.addfile(item)
    return stream.getvalue()


@pytest.fixture(scope="module")
def begun() -> float:
    return time.time() - 60


@pytest.fixture(scope="module")
def case(begun: float) -> Case:
    del begun  # before anything is built
    return Case(
        name="times",
        dockerfile="""\
FROM busybox AS s
ADD folders.tar /
FROM busybox
COPY --from=s /d /new
COPY --from=s /d/ /x/y/deep/
COPY --from=s /d /e /several/
COPY --from=s /d /d/file /then-a-file/
COPY --from=s /d/file /a-file/
COPY --from=s /d /etc/
COPY --from=s --exclude=file /d /without
COPY --from=s --chown=5:6 --chmod=750 /d /owned
COPY --link --from=s /d /linked/below
ADD topped.tar /unpacked/
ADD topped.tar /etc
ADD --chown=5:6 topped.tar /etc
COPY <<heredoc /heredoc
text
heredoc
COPY --from=s /d /last/one
""",
        context={
            "folders.tar": Given(
                _tar(("d/", _D), ("d/sub/", _E), ("d/sub/x", _E), ("d/file", _E), ("e/", _E), ("e/y", _D))
            ),
            "topped.tar": Given(_tar(("./", _TOP), ("./in/", _D), ("./in/z", _E))),
        },
    )


@pytest.mark.parametrize(
    ("step", "path", "moment"),
    [
        ("COPY /d /new ", "new", _D),
        ("COPY /d /new ", "new/sub", _E),
        ("COPY /d/ /x/y/deep/", "x/y/deep", _D),
        ("COPY /d /e /several/", "several", _E),
        ("COPY /d /etc/", "etc", _D),
        ("COPY /d /without", "without", _D),
        ("COPY --chown=5:6 --chmod=750 /d /owned", "owned", _D),
        ("COPY /d /linked/below", "linked/below", _D),
        ("COPY /d /last/one", "last/one", _D),
        ("ADD topped.tar /unpacked/", "unpacked/in", _D),
    ],
)
def test_a_folder_has_the_time_of_what_was_copied(image: Image, step: str, path: str, moment: int) -> None:
    assert image.layer_of(step)[path].modified == moment


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ("COPY /d/ /x/y/deep/", "x/y"),
        ("COPY /d /d/file /then-a-file/", "then-a-file"),
        ("COPY /d/file /a-file/", "a-file"),
        ("ADD topped.tar /unpacked/", "unpacked"),
        ("ADD topped.tar /etc #", "etc"),
        ("COPY <<heredoc", "heredoc"),
    ],
)
def test_what_is_new_has_the_time_of_the_build(image: Image, begun: float, step: str, path: str) -> None:
    assert begun < image.layer_of(step)[path].modified <= time.time() + 1


def test_a_folder_that_is_filled_stays_whose_it_is(image: Image) -> None:
    """What an archive says of its own top folder does not count."""
    assert image.layer_of("ADD topped.tar /unpacked/")["unpacked"] == folder()
    for step in ("COPY /d /etc/", "ADD topped.tar /etc #", "ADD --chown=5:6 topped.tar /etc"):
        assert image.layer_of(step)["etc"] == folder(), step


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)
