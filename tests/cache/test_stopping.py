"""A signal ends a build wherever it is: nobody takes it for an error that costs a hit only."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.compare.builders import start_ours
from tests.servers.answering import serve_answers
from tests.servers.bases import Base

pytestmark = pytest.mark.commands
_DOCKERFILE = "FROM busybox\nRUN echo the command runs > /x\n"
_MORE_THAN_IS_HASHED_SOON = 1 << 36


def test_while_a_cache_does_not_answer(busybox: Base, tmp_path: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def silent(path: str) -> bytes:
        if "/manifests/" in path:
            asked.set()
            over.wait(120)
        return b""

    with serve_answers(silent) as host:
        try:
            process = _start(tmp_path, busybox, f"--cache-from={host}/c:x")
            assert asked.wait(60)
            _is_stopped(process, tmp_path)
        finally:
            over.set()


def test_while_files_are_hashed(busybox: Base, tmp_path: Path) -> None:
    """Of a step that may be in the cache."""
    cache = f"type=local,src={tmp_path / 'cache'}"
    first = _start(tmp_path, busybox, f"--cache-to=type=local,dest={tmp_path / 'cache'}")
    text = first.communicate(timeout=60)[0]
    assert first.returncode == 0, text
    (tmp_path / "result").unlink()
    (tmp_path / "context/f").touch()
    os.truncate(tmp_path / "context/f", _MORE_THAN_IS_HASHED_SOON)
    dockerfile = "FROM busybox\nRUN --mount=type=bind,source=f,target=/f echo the command runs > /x\n"
    process = _start(tmp_path, busybox, f"--cache-from={cache}", dockerfile=dockerfile)
    while not _has_open(process.pid, tmp_path / "context/f"):
        assert process.poll() is None
    _is_stopped(process, tmp_path)


def _start(
    folder: Path, busybox: Base, cache: str, *, dockerfile: str = _DOCKERFILE
) -> subprocess.Popen[bytes]:
    context = folder / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    words = [
        *("build", "--progress=plain", f"--build-context=busybox=oci-layout://{busybox.layout}"),
        *(f"--output=type=tar,dest={folder / 'result'}", cache, str(context)),
    ]
    return start_ours(words, home=folder)


def _has_open(process: int, file: Path) -> bool:
    """Whether it has got to the file."""
    found = []
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.append(link.readlink())
        except FileNotFoundError:
            continue
    return file in found


def _is_stopped(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 143, text
    assert "stopped by SIGTERM" in text
    assert "Traceback" not in text
    assert not (folder / "result").exists()
