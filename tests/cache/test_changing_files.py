"""Files that change while a stage is built: what was made of them is not found for what they were before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare.builders import Built, run_ours
from tests.servers.answering import serve_answers
from tests.servers.bases import Base

pytestmark = pytest.mark.commands


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/f").write_text("old")
    return tmp_path / "context"


@pytest.fixture
def change(context: Path) -> Iterator[str]:
    """A command in whose course the context's ``f`` changes."""

    def answer(_: str) -> bytes:
        (context / "f").write_text("a new text")
        return b""

    with serve_answers(answer) as host:
        yield f"wget -q -O /dev/null http://{host}/"


def _build(folder: Path, busybox: Base, *more: str) -> Built:
    return run_ours(
        [
            *("build", "--progress=plain", f"--build-context=busybox=oci-layout://{busybox.layout}"),
            f"--output=type=local,dest={folder / 'out'}",
            *(f"--cache-to=type=local,dest={folder / 'cache'},mode=max", *more, str(folder / "context")),
        ],
        home=folder,
    )


@pytest.mark.parametrize(
    "take",
    ["COPY --from=last /f /f", "RUN --mount=from=last,target=/m cp /m/f /f"],
    ids=["copy", "mount"],
)
def test_behind_two_stages(take: str, context: Path, change: str, busybox: Base, tmp_path: Path) -> None:
    (context / "Dockerfile").write_text(
        f"FROM busybox AS first\nRUN {change}\nCOPY f /f\n"
        f"FROM busybox AS last\nCOPY --from=first /f /f\nFROM busybox\n{take}\n"
    )
    built = _build(tmp_path, busybox)
    assert built.code == 0, built.text
    assert (tmp_path / "out/f").read_text() == "a new text"
    assert "its files changed while it was copied, so it is not kept" in built.text
    (context / "f").write_text("old")
    (tmp_path / "out").rename(tmp_path / "before")
    again = _build(tmp_path, busybox, f"--cache-from=type=local,src={tmp_path / 'cache'}")
    assert again.code == 0, again.text
    # The command is found, and changes nothing any more.
    assert (tmp_path / "out/f").read_text() == "old", again.text


def test_a_file_that_is_gone_when_the_step_is_done(context: Path, busybox: Base, tmp_path: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN true\n")
    assert _build(tmp_path, busybox).code == 0

    def remove(_: str) -> bytes:
        (context / "f").unlink()
        return b""

    with serve_answers(remove) as host:
        mount = "--mount=type=bind,source=f,target=/m"
        (context / "Dockerfile").write_text(
            f"FROM busybox\nRUN true\nRUN {mount} cp /m /f && wget -q -O /dev/null http://{host}/\n"
        )
        built = _build(tmp_path, busybox, f"--cache-from=type=local,src={tmp_path / 'cache'}")
    assert built.code == 0, built.text
    assert "its files changed while it was copied, so it is not kept" in built.text
    assert (tmp_path / "out/f").read_text() == "old"
