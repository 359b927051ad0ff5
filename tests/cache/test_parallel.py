"""Stages that need nothing of each other are built at the same time, and end together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.compare.builders import start_ours
from tests.servers.answering import serve_answers
from tests.servers.bases import Base

pytestmark = [pytest.mark.root, pytest.mark.commands]
_PATIENCE = 25


class _Meeting:
    """Lets those go on who ask when as many have asked as are to meet; else they get an error after a
    while."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=_PATIENCE)
        self.met = threading.Event()

    def answer(self, _: str) -> bytes | None:
        """What whoever asks is told."""
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            return None
        self.met.set()
        return b""


@dataclass
class Bench:
    folder: Path
    base: Base
    isolation: str
    meeting: _Meeting
    host: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def meet(self) -> str:
        """A command that ends well when all the others have come."""
        return f"wget -q -O /dev/null http://{self.host}/"

    def start(self, dockerfile: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A build that runs by itself; its temporary folder is its own."""
        for name in ("context", "home", "temporary"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "context/Dockerfile").write_text(dockerfile)
        base = f"--build-context=busybox=oci-layout://{self.base.layout}"
        output = f"--output=type=tar,dest={self.folder}/out.tar"
        flags = ["build", "--progress=plain", f"--isolation={self.isolation}", base, output, *arguments]
        process = start_ours(
            [*flags, str(self.folder / "context")],
            home=self.folder / "home",
            env={"TMPDIR": str(self.folder / "temporary")},
        )
        self.processes.append(process)
        return process

    def nothing_is_left(self, mark: str) -> None:
        """No process whose command line has ``mark``, and no file."""
        deadline = time.monotonic() + 5
        while _running(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _running(mark) == []
        assert os.listdir(self.folder / "temporary") == []


def _running(mark: str) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                line = (
                    Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if mark in line:
                found.append(f"{name} {line}")
    return found


@pytest.fixture(params=["namespace", "ptrace", "chroot"])
def bench(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Iterator[Bench]:
    meeting = _Meeting(2)
    with serve_answers(meeting.answer) as host:
        made = Bench(tmp_path, busybox, str(request.param), meeting, host)
        try:
            yield made
        finally:
            for process in made.processes:
                if process.poll() is None:
                    process.kill()
                process.communicate()


def _finished(process: subprocess.Popen[bytes], within: float = 60) -> str:
    return process.communicate(timeout=within)[0].decode(errors="replace")


def test_independent_stages_meet(bench: Bench) -> None:
    process = bench.start(
        f"FROM busybox AS one\nRUN {bench.meet} && echo 1 > /one\n"
        f"FROM busybox AS two\nRUN {bench.meet} && echo 2 > /two\n"
        "FROM busybox\nCOPY --from=one /one /\nCOPY --from=two /two /\nRUN cat /one && cat /two\n"
    )
    text = _finished(process)
    assert process.returncode == 0, text
    assert os.listdir(bench.folder / "temporary") == []


def test_a_base_is_unpacked_once(bench: Bench) -> None:
    """In namespaces stages share it, the one that runs nothing too; elsewhere that one has names only."""
    process = bench.start(
        "FROM busybox AS one\nRUN echo 1 > /one\nFROM busybox AS two\nRUN echo 2 > /two\n"
        "FROM busybox\nCOPY --from=one /one /\nCOPY --from=two /two /\n",
        "--debug",
    )
    text = _finished(process)
    assert process.returncode == 0, text
    layer = re.findall(r"debug: unpacking (sha256:\S+)", text)[0]
    times = len(re.findall(f"debug: unpacking {layer}", text))
    assert (times == 1) == (bench.isolation == "namespace"), text
    assert os.listdir(bench.folder / "temporary") == []


@pytest.mark.parametrize("bench", ["namespace", "ptrace"], indirect=True)
def test_owners_in_a_cache_that_two_use_at_once(bench: Bench) -> None:
    """What each of them changes stays, whoever ends last."""
    cache, meet = "RUN --mount=type=cache,target=/c ", bench.meet
    # One after the other: chown(1) looks first, and sets user and group.
    one = f"chown 5 /c/old && touch /c/a && chown 6:6 /c/a && {meet}"
    two = f"{meet} && chgrp 9 /c/old && touch /c/b && chmod 4755 /c/b"
    process = bench.start(
        f"FROM busybox AS zero\n{cache}touch /c/old && chown 2:2 /c/old\n"
        f"FROM zero AS one\n{cache}{meet} && {one} && {meet}\n"
        f"FROM zero AS two\n{cache}{meet} && {two} && {meet}\n"
        "FROM busybox\nCOPY --from=one /etc/motd /1\nCOPY --from=two /etc/motd /2\n"
        f"{cache}stat -c '%n %u:%g %a' /c/a /c/b /c/old\n"
    )
    text = _finished(process)
    assert process.returncode == 0, text
    for line in ("/c/a 6:6 644", "/c/b 0:0 4755", "/c/old 5:9 644"):
        assert line in text, text


def test_one_after_the_other_on_request(bench: Bench) -> None:
    """--parallelism=1: the second stage begins when the first one has ended."""
    bench.meeting.barrier = threading.Barrier(2, timeout=2)
    process = bench.start(
        f"FROM busybox AS one\nRUN {bench.meet}\nFROM busybox AS two\nRUN {bench.meet}\n"
        "FROM busybox\nCOPY --from=one /etc/motd /1\nCOPY --from=two /etc/motd /2\n",
        "--parallelism=1",
    )
    text = _finished(process)
    assert process.returncode != 0, text
    assert "[two 1/1]" not in text


def test_one_that_fails_ends_the_others(bench: Bench) -> None:
    mark = f"31415{os.getpid()}"
    process = bench.start(
        f"FROM busybox AS failing\nRUN {bench.meet} && exit 7\n"
        f"FROM busybox AS waiting\nRUN {bench.meet} && sleep {mark}\n"
        f"FROM busybox AS behind\nRUN sleep {mark}\n"
        "FROM busybox\nCOPY --from=failing /x /x\nCOPY --from=waiting /x /y\nCOPY --from=behind /x /z\n"
    )
    assert bench.meeting.met.wait(60)
    began = time.monotonic()
    text = _finished(process)
    assert time.monotonic() - began < 15
    assert process.returncode == 7, text
    error = text[text.index("error:") :]
    assert "Dockerfile:2" in error
    assert "exit 7" in error
    assert "exit code 7" in error
    bench.nothing_is_left(mark)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all(bench: Bench, number: signal.Signals) -> None:
    mark = f"27182{os.getpid()}"
    process = bench.start(
        f"FROM busybox AS one\nRUN {bench.meet} && sleep {mark}\n"
        f"FROM busybox AS two\nRUN {bench.meet}; sh -c 'sleep {mark} & sleep {mark}'\n"
        "FROM busybox\nCOPY --from=one /x /x\nCOPY --from=two /x /y\n"
    )
    assert bench.meeting.met.wait(60)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(number)
    text = _finished(process)
    assert time.monotonic() - began < 15
    assert process.returncode == 128 + number, text
    assert "Traceback" not in text, text
    bench.nothing_is_left(mark)


def test_cache_is_written_after_a_failure_beside_others(bench: Bench) -> None:
    """What the other stage had done is found again."""
    kept = bench.folder / "kept"
    cache = (f"--cache-from=type=local,src={kept}", f"--cache-to=type=local,dest={kept},mode=max")
    dockerfile = (
        f"FROM busybox AS one\nRUN echo done > /one\nRUN {bench.meet} && false\n"
        f"FROM busybox AS two\nRUN echo done > /two\nRUN {bench.meet} && sleep 60\n"
        "FROM busybox\nCOPY --from=one /one /\nCOPY --from=two /two /\n"
    )
    process = bench.start(dockerfile, *cache)
    text = _finished(process)
    assert process.returncode == 1, text
    process = bench.start(
        dockerfile.replace(f"{bench.meet} && false", "true").replace("sleep 60", "true"), *cache
    )
    bench.meeting.barrier = threading.Barrier(1)
    text = _finished(process)
    assert process.returncode == 0, text
    assert text.count(" CACHED ") == 2, text
