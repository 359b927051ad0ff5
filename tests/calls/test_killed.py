"""What others do in the middle of a call ends neither the supervisor nor the wait for it."""

from __future__ import annotations

import pytest

from tests.calls.server import Server

pytestmark = [pytest.mark.root]
_CHILDREN = 1500  # of each killer; before it was mended that ended the supervisor in one run of three


def test_children_are_killed_in_calls_that_they_make_themselves(ptrace: Server) -> None:
    ptrace.ask(f'execve "/bin/killed" argv:"killed","{_CHILDREN}" envp:\n')
    found = ptrace.answer()
    assert not found.error
    assert "4 killed all of theirs" in found.output


def test_a_socket_loses_its_name_before_it_is_recorded(ptrace: Server) -> None:
    ptrace.ask(_UNLINKED)
    assert not ptrace.answer().error


_UNLINKED = """fork -> removes
  repeat 2000
    unlink "/work/s"
  end
end
repeat 300
  socket AF_UNIX SOCK_STREAM 0 -> s
  bind $s address:"/work/s" len
  close $s
end
wait removes
"""
