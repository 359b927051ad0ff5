"""What layers of ours keep and docker 20.10's do not: attributes of every name, and times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compare.builders import build_ours
from tests.compare.entries import Entry
from tests.compare.images import export_ours
from tests.servers.bases import Base

pytestmark = pytest.mark.root

_MOMENT = 1_234_567_890


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "file").write_text("content")
    return folder


def _build(context: Path, base: Base, dockerfile: str) -> dict[str, Entry]:
    (context / "Dockerfile").write_text(dockerfile)
    home, layout = context.parent / "home", context.parent / "layout"
    home.mkdir()
    built = build_ours(layout, context, [], home=home, bases=[base])
    assert built.code == 0, built.text
    image = export_ours(layout)
    assert not image.files.faults
    return image.files.entries


def test_attributes_that_a_command_sets(context: Path, busybox: Base) -> None:
    entries = _build(
        context,
        busybox,
        """\
FROM busybox
RUN echo x > /f && setfattr -n user.colour -v blue /f && mkdir /d && setfattr -n user.d -v 0x00ff01 /d
RUN setfattr -n user.base -v new /etc/motd
""",
    )
    assert entries["f"].xattrs == (("user.colour", b"blue"),)
    assert entries["d"].xattrs == (("user.d", b"\x00\xff\x01"),)
    assert entries["etc/motd"].xattrs == (("user.base", b"new"),)


def test_attributes_that_a_command_removes(context: Path, busybox: Base) -> None:
    entries = _build(
        context,
        busybox,
        """\
FROM busybox
RUN touch /f && setfattr -n user.a -v 1 /f && setfattr -n user.b -v 2 /f
RUN setfattr -x user.a /f
""",
    )
    assert entries["f"].xattrs == (("user.b", b"2"),)


def test_attributes_go_from_stage_to_stage(context: Path, busybox: Base) -> None:
    entries = _build(
        context,
        busybox,
        """\
FROM busybox AS one
RUN mkdir /d && touch /d/f && setfattr -n user.a -v 1 /d/f && setcap cap_net_raw+ep /d/f
FROM busybox
COPY --from=one /d /d
""",
    )
    assert [name for name, _ in entries["d/f"].xattrs] == ["security.capability", "user.a"]


def test_times_of_files(context: Path, busybox: Base) -> None:
    os.utime(context / "file", (_MOMENT, _MOMENT))
    entries = _build(
        context,
        busybox,
        f"""\
FROM busybox AS one
RUN touch -d @{_MOMENT + 1} /run-file && ln -s x /run-link && touch -h -d @{_MOMENT + 2} /run-link
FROM one
COPY file /copied
COPY --from=one /run-file /from-stage
""",
    )
    assert entries["copied"].modified == _MOMENT
    assert entries["run-file"].modified == _MOMENT + 1
    assert entries["run-link"].modified == _MOMENT + 2
    assert entries["from-stage"].modified == _MOMENT + 1
