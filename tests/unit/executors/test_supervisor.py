"""The parts of the supervisor that need no running command."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from ci_builder.executors.linux.architecture import AARCH64, X86_64, of_this_machine
from ci_builder.executors.linux.memory import Memory
from ci_builder.executors.supervisor.context import (
    CHOWN,
    DAC_OVERRIDE,
    RLIMIT_LOCKS,
    ROOT_CAPABILITIES,
    Context,
    Contexts,
    FileCapabilities,
    Ids,
)
from ci_builder.executors.supervisor.elf import interpreter, with_interpreter
from ci_builder.executors.supervisor.executables import script_line
from ci_builder.executors.supervisor.members import members
from ci_builder.executors.supervisor.owners import Owner
from ci_builder.executors.supervisor.permissions import EXECUTE, READ, WRITE, allowed
from ci_builder.executors.supervisor.table import HANDLERS
from ci_builder.executors.supervisor.view import Mount, View
from ci_builder.executors.trial_program import trial_program

ROOT = Context.of(0, 0, ())
USER = Context.of(1000, 1000, (7,))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"#!/bin/sh\necho", [b"/bin/sh"]),
        (b"#! /bin/sh -e  \n", [b"/bin/sh", b"-e"]),
        (b"#!/usr/bin/env python3 -u\n", [b"/usr/bin/env", b"python3 -u"]),
        (b"#!/bin/sh", [b"/bin/sh"]),
        (b"\x7fELF", None),
        (b"", None),
    ],
)
def test_first_lines_of_scripts(head: bytes, words: list[bytes] | None) -> None:
    assert script_line(head) == words


@pytest.mark.parametrize("head", [b"#!\n", b"#!   ", b"#!" + b"a" * 254])
def test_a_first_line_without_a_program(head: bytes) -> None:
    with pytest.raises(OSError, match="Exec format error"):
        script_line(head)


def test_leaving_root_takes_the_capabilities() -> None:
    user = ROOT.with_user(Ids.all(5))
    assert (user.permitted, user.effective) == (0, 0)
    back = ROOT.with_user(Ids(0, 5, 0, 5))
    assert (back.permitted, back.effective) == (ROOT_CAPABILITIES, 0)
    assert back.with_user(Ids(0, 0, 0, 0)).effective == ROOT_CAPABILITIES


def test_a_process_with_the_number_of_one_that_was_known_is_no_member() -> None:
    contexts = Contexts(ROOT, os.getpid(), Memory())
    process = subprocess.Popen(["sleep", "60"])
    try:
        contexts.put(process.pid, ROOT)
        assert members(contexts) == [process.pid]
        assert contexts.of(process.pid) == ROOT
        # As if the number were another one's by now: it has no tag.
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(process.pid, RLIMIT_LOCKS, unlimited)
        assert members(contexts) == []
    finally:
        process.kill()
        process.wait()


def test_files_are_accessed_as_the_file_system_id() -> None:
    context = ROOT.with_user(Ids(0, 0, 0, 5))
    assert not context.may(CHOWN)
    assert not context.ignores_permissions
    assert context.permitted == ROOT_CAPABILITIES


def test_programs_that_change_ids() -> None:
    assert USER.executing(None, None, None) is USER
    assert ROOT.executing(None, None, None) is ROOT
    raised = USER.executing(0, None, None)
    assert raised.user == Ids(1000, 0, 0, 0)
    assert raised.may(DAC_OVERRIDE)
    capable = USER.executing(None, None, FileCapabilities(1 << CHOWN, 0, True))
    assert capable.effective == 1 << CHOWN


@pytest.mark.parametrize(
    ("context", "owner", "wanted", "may"),
    [
        (USER, (1000, 0, 0o100400, b""), READ, True),
        (USER, (1000, 7, 0o100040, b""), READ, False),
        (USER, (0, 7, 0o100040, b""), READ, True),
        (USER, (0, 0, 0o100004, b""), READ, True),
        (USER, (0, 0, 0o100004, b""), READ | WRITE, False),
        (ROOT, (5, 5, 0o100000, b""), READ | WRITE, True),
        (ROOT, (5, 5, 0o100600, b""), EXECUTE, False),
        (ROOT, (5, 5, 0o040000, b""), EXECUTE, True),
        (USER, (0, 7, 0o100044, b"no list"), READ, True),
        (USER, (0, 7, 0o100044, b"\2\0\0\0"), READ, True),
    ],
)
def test_permissions(context: Context, owner: Owner, wanted: int, may: bool) -> None:
    assert allowed(context, owner, wanted) == may


@pytest.mark.parametrize("data", [b"", b"\1\0\0\2", b"\1\0\0\2" + bytes(12)])
def test_capabilities_that_are_none(data: bytes) -> None:
    """A layer can bring anything."""
    assert FileCapabilities.parse(data) is None


def test_mounts_lie_over_the_root(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    (root / "mnt").mkdir(parents=True)
    (other / "in").mkdir(parents=True)
    view = View(os.fsencode(root), [Mount(b"/mnt", os.fsencode(other))])
    assert view.seen(b"/mnt/in").host == os.fsencode(other / "in")
    assert view.seen(b"/mntx").host == os.fsencode(root / "mntx")
    assert view.place_of(os.fsencode(other / "in/x")) == b"/mnt/in/x"
    assert view.place_of(os.fsencode(root)) == b""
    assert view.place_of(os.fsencode(tmp_path)) is None


def test_a_copy_asks_for_another_loader(tmp_path: Path) -> None:
    copy = tmp_path / "true"
    shutil.copy("/bin/true", copy)
    descriptor = os.open(copy, os.O_RDWR)
    found = interpreter(descriptor, of_this_machine())
    assert found is not None
    loader = tmp_path / "a-loader-of-a-longer-name-than-any-before"
    loader.symlink_to(found.path.decode())
    with_interpreter(descriptor, found, os.fsencode(loader))
    changed = interpreter(descriptor, of_this_machine())
    os.close(descriptor)
    assert changed is not None
    assert changed.path == os.fsencode(loader)
    assert subprocess.run([copy], check=False).returncode == 0


def test_the_trial_program_runs(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(trial_program())
    program.chmod(0o700)
    assert subprocess.run([program], check=False).returncode == 0


def test_every_call_is_known_to_some_architecture() -> None:
    for name in HANDLERS:
        assert name in X86_64.calls or name in AARCH64.calls
    # What 64-bit ARM lacks are the older forms.
    older = {name for name in HANDLERS if name not in AARCH64.calls}
    assert older == {
        *(
            "access",
            "chmod",
            "chown",
            "creat",
            "futimesat",
            "lchown",
            "link",
            "lstat",
            "mkdir",
            "mknod",
            "open",
        ),
        *("readlink", "rename", "rmdir", "stat", "symlink", "unlink", "utime", "utimes"),
    }
