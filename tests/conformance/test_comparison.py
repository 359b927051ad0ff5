"""The comparison itself: equal images are equal, and each kind of difference is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.compare.builders import build_docker
from tests.compare.difference import difference, files_difference
from tests.compare.entries import Entry, Exported, Filesystem
from tests.compare.images import export_docker
from tests.servers.dockerd import Docker

pytestmark = pytest.mark.docker

_SETUP = """\
FROM busybox
RUN mkdir /d && echo one > /d/f && ln /d/f /d/g && ln -s f /d/l && mkfifo /d/p && mknod /d/n c 1 3
"""

_MUTATIONS = {
    "content": ("RUN echo two > /d/f", "/d/f: content"),
    "mode": ("RUN chmod 600 /d/p", "/d/p: mode: 0644 != 0600"),
    "setuid": ("RUN chmod u+s /d/f", "/d/f: mode: 0644 != 4644"),
    "owner": ("RUN chown -h 7 /d/l", "/d/l: uid: 0 != 7"),
    "group": ("RUN chgrp 7 /d", "/d: gid: 0 != 7"),
    "target": ("RUN ln -sf g /d/l", "/d/l: target: 'f' != 'g'"),
    "capability": ("RUN setcap cap_chown+ep /d/f", "/d/f: xattrs"),
    "missing": ("RUN rm /d/p", "/d/p: only in docker"),
    "more": ("RUN touch /d/new", "/d/new: only in ours"),
    "kind": ("RUN rm /d/p && touch /d/p", "/d/p: kind: 'fifo' != 'file'"),
    "device": ("RUN rm /d/n && mknod /d/n c 1 5", "/d/n: device: (1, 3) != (1, 5)"),
    "links": ("RUN cp /d/f /d/h && mv /d/h /d/g", "hard links only in docker: d/f d/g"),
    "config": ("ENV a=b", "config.Env: "),
    "history": ("LABEL a=b", "history has 3 entries in docker, 4 in ours"),
}


def test_two_builds_of_one_dockerfile_are_equal(docker: Docker, tmp_path: Path) -> None:
    first = _build(docker, tmp_path, "first", _SETUP, "--no-cache")
    second = _build(docker, tmp_path, "second", _SETUP, "--no-cache")
    assert len(first.files.entries) > 300
    assert difference(first, second) == []


@pytest.mark.parametrize("name", _MUTATIONS)
def test_a_difference_is_seen(name: str, docker: Docker, tmp_path: Path) -> None:
    instruction, expected = _MUTATIONS[name]
    first = _build(docker, tmp_path, "plain", _SETUP + "RUN true\n")
    second = _build(
        docker, tmp_path, "mutated", _SETUP + "RUN true\n" * (name == "history") + instruction + "\n"
    )
    found = difference(first, second)
    assert any(expected in line for line in found), found


def test_any_attribute_is_seen_between_two_of_ours() -> None:
    plain = Entry(kind="file", mode=0o644, uid=0, gid=0)
    coloured = replace(plain, xattrs=(("user.colour", b"blue"),))
    left = Filesystem({"f": plain}, frozenset())
    assert "xattrs" in files_difference(left, Filesystem({"f": coloured}, frozenset()))[0]


def _build(docker: Docker, folder: Path, name: str, dockerfile: str, *options: str) -> Exported:
    context, saved = folder / name, folder / f"{name}-saved"
    context.mkdir()
    saved.mkdir()
    (context / "Dockerfile").write_text(dockerfile)
    tag = f"comparison/{name}"
    built = build_docker(docker, tag, context, options)
    assert built.code == 0, built.text
    return export_docker(docker, tag, saved)
