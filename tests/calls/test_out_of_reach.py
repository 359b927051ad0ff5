"""No call finds a process outside of the command by its number, although it has the same uid."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.calls.server import Server

pytestmark = [pytest.mark.root]
_CALLS = (
    "kill {} 0",
    "kill {} SIGKILL",
    "kill -{} SIGKILL",
    "tkill {} SIGKILL",
    "tgkill {} {} SIGKILL",
    "pidfd_open {} 0",
    "prlimit64 {} 4 null out.bytes:16",
    "prlimit64 {} 4 longs:0,0 null",
    "sched_setparam {} ints:0",
    "sched_setaffinity {} 8 longs:1",
    "setpriority 0 {} 9",
    "setpriority 1 {} 9",
)


@pytest.fixture
def outsider(ptrace: Server) -> Iterator[int]:
    """A process of the uid that commands have, in a group of its own."""
    with subprocess.Popen(["/bin/sleep", "1000"], user=ptrace.user, start_new_session=True) as process:
        yield process.pid
        assert process.poll() is None, "it was reached"
        process.kill()


def test_processes_of_the_same_uid(ptrace: Server, outsider: int) -> None:
    lines = [call.replace("{}", str(outsider)) for call in _CALLS]
    ptrace.ask("\n".join(lines) + "\n")
    found = ptrace.answer()
    assert not found.error
    answers = [line for line in found.output.splitlines() if " = " in line]
    assert answers == [f"{number} = -1 ESRCH" for number in range(1, len(lines) + 1)]
