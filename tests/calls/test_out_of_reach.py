"""No call finds a process outside of the command by its number, although it has the same uid."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

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


def test_nothing_lies_behind_a_link_in_a_moved_roots_place(ptrace: Server, calls_layer: Path) -> None:
    """A process's root directory is moved, and a link to the image's root is made where it was: out here it
    would lead to the machine's."""
    folder = calls_layer.parent / "behind"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / "secret").write_text("outside\n")
    script = f"""mkdir "/work/jail" 0755
fork -> child
  chroot "/work/jail"
  chdir "/"
  sleep 400
  open "{folder}/secret" O_RDONLY
  open "{folder}/planted" O_RDWR|O_CREAT 0644
  stat "{folder}/secret" out.stat
  readlink "{folder}/../../../proc/self" out.text 100
  chdir "{folder}"
  execve "{folder}/secret" argv:"x" envp:
end
sleep 150
rename "/work/jail" "/work/moved"
symlink "/" "/work/jail"
wait child
"""
    ptrace.ask(script)
    found = ptrace.answer()
    assert not found.error
    assert not (folder / "planted").exists()
    answers = re.findall(r"^(\d+) = (.*)", found.output, re.MULTILINE)
    inside = [answer for number, answer in answers if 6 <= int(number) <= 11]
    assert len(inside) == 6, found.output
    assert all(answer.startswith("-1 E") for answer in inside), found.output
