"""The contract of Executor and Workspace, one function for each promise.

They run in a process of their own (``run_checks``), because entering an executor changes the process.
"""

from __future__ import annotations

import os
import resource
import stat
import threading
import time
from collections.abc import Callable

import pytest

from ci_builder.errors import ExecutorError, OutOfTime
from ci_builder.executors import limits as resource_limits
from ci_builder.executors.interface import Mount, Process, Workspace
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.removal import remove_folder
from ci_builder.oci.config import History
from ci_builder.oci.image import scratch
from ci_builder.oci.platform import Platform
from ci_builder.request import ResourceLimit
from ci_builder.rootfs.blob import write_layer
from tests.contracts.executors.world import PATH, World, described, shell

Check = Callable[[World], None]


def check_exit_codes(world: World) -> None:
    with world.open() as workspace:
        assert shell(workspace, "exit 0")[0] == 0
        assert shell(workspace, "exit 42")[0] == 42
        assert shell(workspace, "kill -9 $$")[0] == 137
        assert shell(workspace, "kill -TERM $$")[0] == 143


def check_a_command_that_is_killed_while_it_executes(world: World) -> None:
    with world.open() as workspace:
        assert shell(workspace, "printf '#!/bin/sh\\nexec /again\\n' > /again; chmod 755 /again")[0] == 0
        for moment in range(20):
            killed = f'setsid sh -c "usleep {700 * moment}; kill -9 $$" & exec /again'
            assert shell(workspace, killed, seconds=20)[0] == 137


def check_a_program_that_is_not_there(world: World) -> None:
    said: list[bytes] = []
    with world.open() as workspace:
        assert workspace.run(Process(("nothing-of-the-kind",), (("PATH", PATH),)), said.append) == 127
        assert b"".join(said) == b"nothing-of-the-kind: not found\n"
        said.clear()
        assert workspace.run(Process(("/etc/passwd",), ()), said.append) == 126
        assert b"Permission denied" in b"".join(said)


def check_output_is_complete_and_in_order(world: World) -> None:
    with world.open() as workspace:
        code, text = shell(workspace, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
        assert code == 0
        assert text == "".join(f"line {number}\n" for number in range(20000))
        assert shell(workspace, "echo a; echo b >&2; echo c; echo d >&2")[1] == "a\nb\nc\nd\n"


def check_output_comes_while_the_command_runs(world: World) -> None:
    moments: list[float] = []
    with world.open() as workspace:
        process = Process(("/bin/sh", "-c", "echo first; sleep 1; echo last"), (("PATH", PATH),))
        assert workspace.run(process, lambda _: moments.append(time.monotonic())) == 0
    assert moments[-1] - moments[0] > 0.8


def check_environment_is_exact(world: World) -> None:
    with world.open() as workspace:
        said: list[bytes] = []
        env = (("ONE", "1"), ("EMPTY", ""), ("ODD", "a=b\nc \udcff"))
        assert workspace.run(Process(("/bin/busybox", "env"), env), said.append) == 0
        # With a single id, apt must be told that it cannot become another user.
        told = b"APT_CONFIG=/dev/.apt.conf\n" if world.single_id else b""
        assert b"".join(said) == b"ONE=1\nEMPTY=\nODD=a=b\nc \xff\n" + told


def check_standard_input(world: World) -> None:
    with world.open() as workspace:
        assert shell(workspace, "cat; echo end") == (0, "end\n")
        assert shell(workspace, "cat; echo end", stdin=b"given\n") == (0, "given\nend\n")
        big = b"x" * 3_000_000
        assert shell(workspace, "wc -c", stdin=big) == (0, "3000000\n")


def check_working_directory(world: World) -> None:
    with world.open() as workspace:
        assert shell(workspace, "pwd", cwd="/data/sub") == (0, "/data/sub\n")
        assert shell(workspace, "pwd; stat -c %a:%u .", cwd="/new/deep") == (0, "/new/deep\n755:0\n")


def check_umask_and_session(world: World) -> None:
    with world.open() as workspace:
        assert shell(workspace, "umask")[1] == "0022\n"
        assert "SIG" not in shell(workspace, "trap")[1]
        # Python ignores SIGPIPE; a command must not.
        said: list[bytes] = []
        workspace.run(Process(("/bin/grep", "SigIgn", "/proc/self/status"), ()), said.append)
        assert b"".join(said).split()[1] == b"0" * 16


def check_user_and_groups(world: World) -> None:
    if world.single_id:
        return  # see check_another_user_with_a_single_id
    with world.open() as workspace:
        script = "id -u; id -g; id -G; touch /tmp/mine; stat -c %u:%g /tmp/mine; cat /data/owned"
        code, text = shell(workspace, script, uid=1000, gid=1000, groups=(2000,))
        assert code == 0
        assert text == "1000\n1000\n1000 2000\n1000:1000\nx"
        assert shell(workspace, "id -G", uid=0, gid=0)[1] == "0\n"
        code, text = shell(workspace, "cat /data/owned", uid=1234, gid=1234)
        assert code == 1
        assert "Permission denied" in text
        assert shell(workspace, "touch /etc/no", uid=1000, gid=1000)[0] == 1


def check_files_of_another_user(world: World) -> None:
    with world.open() as workspace:
        script = "id -u; id -g; touch /tmp/mine; mkdir /tmp/ours; rm /tmp/mine; touch /tmp/mine /tmp/ours/x"
        code, text = shell(workspace, script, uid=1000, gid=1001)
        assert (code, text) == (0, "1000\n1001\n")
        for path in ("tmp/mine", "tmp/ours", "tmp/ours/x"):
            assert _status(workspace, path)[1:] == (1000, 1001)
        assert shell(workspace, "chown 5 /data/one", uid=1000, gid=1000)[0] == 1
        assert _status(workspace, "tmp")[1:] == (0, 0)
        assert "present tmp/ours/x" in described(workspace)


def check_a_pretended_user_is_said(world: World) -> None:
    if not world.single_id:
        return
    with world.open() as workspace:
        assert shell(workspace, "su u -c true")[0] == 0
        assert [
            text for text in world.notices if text.startswith("su changed to the id 1000: only pretended")
        ]


def check_owners_do_not_pass_to_later_files(world: World) -> None:
    script = (
        "cd /tmp; for i in 1 2 3 4 5 6 7 8; do touch a$i; chown 7:8 a$i; mkdir d$i; chown 7:8 d$i; done; "
        "rm a1 a2 a3; mv /data/one a4; rmdir d1 d2; rmdir /data 2>/dev/null; ln a5 hard; rm a5; "
        "for i in 1 2 3 4 5 6 7 8 9; do touch b$i; mkdir e$i; done"
    )
    with world.open() as workspace:
        shell(workspace, "chown 3:4 /data")
        assert shell(workspace, script) == (0, "")
        for name in ("b1", "b5", "b9", "e1", "e2", "e9", "a4"):
            assert _status(workspace, f"tmp/{name}")[1:] == (0, 0), name
        for name in ("hard", "a6", "d3"):
            assert _status(workspace, f"tmp/{name}")[1:] == (7, 8), name
        assert _status(workspace, "data")[1:] == (3, 4)  # its removal failed


def check_devices_are_made(world: World) -> None:
    if isinstance(world.executor, NamespaceExecutor) and world.executor.ids in ("all", "ranges"):
        return  # a user namespace with many ids: the kernel refuses, and the command says so
    with world.open() as workspace:
        assert (
            shell(workspace, "umask 027; mknod /opt/null c 1 3; mkfifo /opt/fifo || mknod /opt/fifo p")[0]
            == 0
        )
        tree = workspace.tree
        status = tree.ownership.status(os.lstat(f"{tree.root.rstrip('/')}/opt/null"))
        assert (status.mode, status.device) == (stat.S_IFCHR | 0o640, os.makedev(1, 3))
        assert "present opt/null" in described(workspace)


def check_left_over_processes_are_killed(world: World) -> None:
    with world.open() as workspace:
        started = time.monotonic()
        script = "sleep 4321 & (setsid sleep 4321 &) ; (trap '' TERM HUP; setsid sleep 4321 &) & echo up"
        code, text = shell(workspace, script)
        assert (code, text) == (0, "up\n")
        assert time.monotonic() - started < 10
        assert not _processes(b"4321")


def check_a_daemon_that_keeps_the_pipe_open(world: World) -> None:
    with world.open() as workspace:
        script = "(while true; do echo noise; sleep 0.01; done) & echo last; exit 3"
        code, text = shell(workspace, script)
        assert code == 3
        assert "last\n" in text


def check_a_command_that_takes_too_long_is_killed(world: World) -> None:
    said: list[bytes] = []
    with world.open() as workspace:
        script = "(trap '' TERM HUP; setsid sleep 4322 &); echo up; trap '' TERM; sleep 4322"
        process = Process(("/bin/sh", "-c", script), (("PATH", PATH),), seconds=1.5)
        with pytest.raises(OutOfTime, match=r"within 1\.5 s"):
            workspace.run(process, said.append)
        assert b"".join(said) == b"up\n"
        assert not _processes(b"4322")
        # One that prints all the time, too.
        process = Process(("/bin/sh", "-c", "while true; do echo 4323; done"), (("PATH", PATH),), seconds=0.5)
        with pytest.raises(OutOfTime):
            workspace.run(process, lambda _: None)
        assert shell(workspace, "echo next", seconds=60) == (0, "next\n")


def check_limits_of_resources(world: World) -> None:
    limits = (
        ResourceLimit("nofile", 100, 200),
        ResourceLimit("fsize", 4096, 8192),
        ResourceLimit("core", 0, 0),
    )
    with world.open() as workspace:
        script = """ulimit -n; ulimit -Hn; ulimit -c; (ulimit -n 200 && ulimit -n)
            dd if=/dev/zero of=/data/big bs=4096 count=3 2> /dev/null; echo $?; stat -c %s /data/big"""
        shell(workspace, "chmod 777 /data")
        for user in (0, 1000):
            code, text = shell(workspace, script, limits=limits, uid=user, gid=user)
            assert (code, text.split()) == (0, ["100", "200", "0", "200", "153", "4096"]), text
            shell(workspace, "rm /data/big")
        assert shell(workspace, "ulimit -n")[1].strip() != "100"


def check_a_folder_with_a_size(world: World) -> None:
    host = world.state / "room"
    host.mkdir(mode=0o777)
    mount = Mount("/opt/room", str(host), size=1 << 20)
    with world.open() as workspace:
        fill = "dd if=/dev/zero of=/opt/room/f bs=65536 count={}"
        assert shell(workspace, fill.format(12), mounts=(mount,))[0] == 0
        shell(workspace, "rm -f /opt/room/f", mounts=(mount,))
        try:
            code, text = shell(
                workspace, f"{fill.format(32)} || sleep 0; test -s /opt/room/f", mounts=(mount,)
            )
        except ExecutorError as error:
            code, text = 0, str(error)
        assert "No space left" in text or "more than 1,048,576 bytes" in text, (code, text)
    remove_folder(str(host))


def check_a_limit_that_cannot_be_had(world: World) -> None:
    """It is found out before a command is started, and nothing else is refused."""
    own = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    more, less = (ResourceLimit("msgqueue", 0, own + 1),), (ResourceLimit("msgqueue", 0, own - 1),)
    refused = ""
    try:
        resource_limits.check_limits(more)
    except ExecutorError as error:
        refused = str(error)
    resource_limits.check_limits(less)
    with world.open() as workspace:
        assert shell(workspace, "true", limits=less)[0] == 0
        if not refused:
            assert shell(workspace, "true", limits=more)[0] == 0
            return
        assert f"the hard limit of this job is {own}" in refused
        with pytest.raises(ExecutorError, match="hard limit"):
            shell(workspace, "true", limits=more)


def check_orphans_are_reaped(world: World) -> None:
    with world.open() as workspace:
        script = "i=0; while [ $i -lt 20 ]; do (true &); i=$((i+1)); done; sleep 0.5; ps | grep -c '[Z]ombie'"
        assert shell(workspace, script)[1].strip() == "0"


def check_no_network(world: World) -> None:
    with world.open() as workspace:
        if world.executor.name in ("in-place", "chroot"):
            # No namespace, but no sockets either.
            code, text = shell(workspace, "busybox nc 127.0.0.1 1; busybox nc ::1 1", network="none")
            assert code != 0
            assert text.count("Network is unreachable") == 2
            assert "refused" in shell(workspace, "busybox nc 127.0.0.1 1")[1]
            return
        code, text = shell(workspace, "cat /proc/net/dev", network="none")
        assert code == 0
        names = {line.split(":")[0].strip() for line in text.splitlines() if ":" in line}
        assert names == {"lo"}


def check_changes_are_exact(world: World) -> None:
    with world.open() as workspace:
        # The mount points that docker leaves too come with the first command.
        shell(workspace, "true")
        workspace.changes()
        assert described(workspace) == []
        shell(workspace, "echo x > /data/new; mkdir /opt/d; ln -s nowhere /opt/l; ln /data/one /opt/h")
        assert _without_parents(described(workspace)) == [
            "present data/new",
            "present data/one",
            "present opt/d",
            "present opt/h",
            "present opt/l",
        ]
        shell(workspace, "rm /data/two; rm -r /data/sub; rm /data/link")
        assert _without_parents(described(workspace)) == [
            "absent data/link",
            "absent data/sub",
            "absent data/two",
        ]
        shell(workspace, "chmod 600 /data/three; mv /data/deep /data/moved")
        assert _without_parents(described(workspace)) == [
            "absent data/deep",
            "present data/moved",
            "present data/moved/er",
            "present data/three",
        ]
        assert described(workspace) == []


def check_content_with_the_same_size_and_time(world: World) -> None:
    with world.open() as workspace:
        shell(workspace, "true")
        workspace.changes()
        script = (
            "touch -r /data/one /tmp/t; echo -n DATA/ONE > /data/one; touch -r /tmp/t /data/one; rm /tmp/t"
        )
        shell(workspace, script)
        assert "present data/one" in described(workspace)


def check_a_directory_made_anew_hides_the_old_one(world: World) -> None:
    with world.open() as workspace:
        shell(workspace, "true")
        workspace.changes()
        shell(workspace, "rm -r /data/deep; mkdir /data/deep; touch /data/deep/q")
        found = described(workspace)
        assert "present data/deep/q" in found
        assert "opaque data/deep" in found or "absent data/deep/er" in found
        assert sorted(os.listdir(f"{workspace.tree.root.rstrip('/')}/data/deep")) == ["q"]


def check_a_new_directory_hides_nothing(world: World) -> None:
    with world.open() as workspace:
        shell(workspace, "mkdir -p /opt/new/deep; touch /opt/new/deep/file")
        found = described(workspace)
        assert "present opt/new/deep/file" in found
        assert not [item for item in found if item.startswith(("opaque", "absent"))]


def check_metadata_reaches_the_tree(world: World) -> None:
    with world.open() as workspace:
        script = "chown 5:6 /data/one; chmod 2750 /data/sub; chmod 4711 /data/two; chown -h 7:8 /data/link"
        assert shell(workspace, script) == (0, "")
        # What the command itself sees is what it did, and what tools copy.
        seen = "stat -c %u:%g data/one data/owned data/link data/two; cp -a data/one opt/copy"
        assert shell(workspace, seen) == (0, "5:6\n1000:2000\n7:8\n0:0\n")
        assert _status(workspace, "opt/copy")[1:] == (5, 6)
        assert _status(workspace, "data/one")[1:] == (5, 6)
        assert _status(workspace, "data/sub") == (stat.S_IFDIR | 0o2750, 0, 0)
        assert _status(workspace, "data/two") == (stat.S_IFREG | 0o4711, 0, 0)
        assert _status(workspace, "data/link")[1:] == (7, 8)
        assert _status(workspace, "data/suid") == (stat.S_IFREG | 0o4755, 0, 0)
        assert _status(workspace, "data/owned") == (stat.S_IFREG | 0o640, 1000, 2000)
        found = described(workspace)
        for path in ("data/link", "data/one", "data/sub", "data/two"):
            assert f"present {path}" in found


def check_no_trace_of_mounts(world: World) -> None:
    with world.open() as workspace:
        shell(workspace, "test -s /etc/resolv.conf; test -s /etc/hosts; ls -l /dev/null /proc/self/fd")
        found = set(described(workspace))
        assert found <= {"present dev", "present proc", "present sys"}
        assert not shell(workspace, "true")[0]
        assert described(workspace) == []


def check_devices_and_proc(world: World) -> None:
    with world.open() as workspace:
        script = (
            "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && "
            "cat /proc/self/comm && test -d /dev/shm && test -e /dev/fd/0 && cat < /dev/stdin && echo fine"
        )
        code, text = shell(workspace, script)
        assert (code, text) == (0, "4\n4\ncat\nfine\n")
        assert shell(workspace, "echo x > /dev/full")[0] != 0


def check_secrets_of_the_builder_stay_hidden(world: World) -> None:
    # The builder and the shell that started it have this in their environment (see run_checks).
    secret = os.environ["SECRET_OF_THE_BUILDER"]
    script = (
        "cat /proc/[0-9]*/environ /proc/[0-9]*/task/*/environ 2>/dev/null | tr '\\0' '\\n'; env; "
        "for p in /proc/[0-9]*; do ls -l $p/fd $p/cwd 2>/dev/null; done"
    )
    with world.open() as workspace:
        for ids in ({}, {} if world.single_id else {"uid": 1000, "gid": 1000}):
            _, text = shell(workspace, script, **ids)
            assert "PATH=" in text  # its own is there: the loop works
            assert secret not in text


def check_no_descriptor_leaks(world: World) -> None:
    leak = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        with world.open() as workspace:
            _, text = shell(workspace, "cd /proc/self/fd; echo *")
            assert set(text.split()) <= {"0", "1", "2", "3"}  # 3: the shell reading the directory
    finally:
        os.close(leak)


def check_root_has_dockers_capabilities(world: World) -> None:
    with world.open() as workspace:
        _, text = shell(workspace, "grep Cap /proc/self/status")
        found = dict(line.split() for line in text.splitlines())
        # In place there is one less (SETPCAP), which keeps the surroundings' processes out of reach.
        wanted = "00000000a80424fb" if world.executor.name == "in-place" else "00000000a80425fb"
        assert found["CapBnd:"] == found["CapEff:"] == wanted
        assert found["CapInh:"] == found["CapAmb:"] == "0" * 16
        assert shell(workspace, "mount -t tmpfs none /tmp")[0] != 0


def check_the_machine_is_out_of_reach(world: World) -> None:
    if world.executor.name == "in-place":
        return
    with world.open() as workspace:
        assert shell(workspace, "echo x > /proc/sys/kernel/core_pattern")[0] != 0
        assert shell(workspace, "echo x > /proc/sysrq-trigger")[0] != 0
        assert shell(workspace, "echo x > /sys/kernel/uevent_helper")[0] != 0
        _, text = shell(workspace, "cat /proc/self/mounts")
        places = {line.split()[1] for line in text.splitlines()}
        assert not {place for place in places if place.startswith((str(world.state), "/src", "/home"))}
        _, text = shell(workspace, "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk | wc -c")
        assert not text.endswith("1\n")


def check_scripts_are_there_for_one_command(world: World) -> None:
    with world.open() as workspace:
        files = (("/dev/pipes/EOF", b"#!/bin/sh\necho from a script\n", 0o755),)
        assert shell(workspace, "/dev/pipes/EOF", files=files) == (0, "from a script\n")
        assert shell(workspace, "test -e /dev/pipes/EOF")[0] == 1


def check_writing_between_commands(world: World) -> None:
    with world.open() as workspace:
        root = workspace.tree.root.rstrip("/")
        shell(workspace, "true")
        workspace.changes()
        with open(f"{root}/opt/copied", "w", encoding="ascii") as file:
            file.write("by the builder")
        assert _without_parents(described(workspace)) == ["present opt/copied"]
        assert shell(workspace, "cat /opt/copied") == (0, "by the builder")


def check_a_stage_on_top_of_a_stage(world: World) -> None:
    with world.open() as workspace:
        shell(workspace, "echo 1 > /opt/from-first; rm /data/one; rm -r /data/deep")
        changes = workspace.changes()
        layer = write_layer(changes, workspace.tree, world.blobs)
        image = world.image.append(layer, History())
    with world.open(image) as workspace:
        assert shell(workspace, "cat /opt/from-first; ls /data")[1].split() == [
            "1",
            "link",
            "owned",
            "sub",
            "suid",
            "three",
            "two",
        ]
        assert described(workspace) in ([], ["present dev", "present proc", "present sys"])
    with world.open(image, writable=False) as workspace:
        root = workspace.tree.root.rstrip("/")
        assert sorted(os.listdir(f"{root}/data")) == ["link", "owned", "sub", "suid", "three", "two"]


def check_a_base_of_nothing(world: World) -> None:
    image = scratch(Platform("linux", "amd64"))
    with world.open(image) as workspace:
        assert described(workspace) == []
        root = workspace.tree.root.rstrip("/")
        with open(f"{root}/hello", "w", encoding="ascii") as file:
            file.write("x")
        assert described(workspace) == ["present hello"]
    with world.open(image, writable=False) as workspace:
        assert "data" not in os.listdir(workspace.tree.root)


def check_many_steps(world: World) -> None:
    with world.open() as workspace:
        root = workspace.tree.root.rstrip("/")
        before = len(os.listdir(f"{root}/opt"))
        for number in range(40):
            with open(f"{root}/opt/{number}", "w", encoding="ascii"):
                pass
            assert f"present opt/{number}" in described(workspace)
        assert len(os.listdir(f"{root}/opt")) == before + 40


def check_stages_side_by_side(world: World) -> None:
    if world.executor.name == "in-place":
        return
    failures: list[BaseException] = []

    def build(number: int) -> None:
        try:
            with world.open() as workspace:
                for step in range(3):
                    assert shell(workspace, f"echo {number} > /opt/{number}-{step}; sleep 0.1")[0] == 0
                    found = _without_parents(described(workspace))
                    wanted = f"present opt/{number}-{step}"
                    assert [item for item in found if "opt" in item] == [wanted], found
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def check_closing_kills_what_runs(world: World) -> None:
    workspace = world.executor.workspace(world.image)
    failures: list[BaseException] = []
    started = threading.Event()

    def run() -> None:
        try:
            process = Process(("/bin/sh", "-c", "echo up; sleep 8642"), (("PATH", PATH),))
            workspace.run(process, lambda _: started.set())
        except ExecutorError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(20)
    workspace.close()
    thread.join(20)
    assert not thread.is_alive()
    assert failures
    assert not _processes(b"8642")
    workspace.close()


def check_closing_leaves_nothing(world: World) -> None:
    before = _mounts()
    with world.open() as workspace:
        shell(workspace, "mkdir -p /tmp/a/b; chmod 0 /tmp/a/b /tmp/a; touch /tmp/x; chmod 0 /tmp/x")
        workspace.changes()
    assert _mounts() == before
    left = [name for name in os.listdir(world.state) if name[0] not in "bh"]  # shared bases, host files
    assert left == []


def check_a_failed_output_ends_the_command(world: World) -> None:
    class Stopped(Exception):
        pass

    def refuse(_: bytes) -> None:
        raise Stopped

    with world.open() as workspace:
        with pytest.raises(Stopped):
            workspace.run(Process(("/bin/sh", "-c", "echo; sleep 7531"), (("PATH", PATH),)), refuse)
        assert not _processes(b"7531")


def _without_parents(found: list[str]) -> list[str]:
    """Directories that are reported only because an entry of theirs was added or removed are left out."""
    return [
        item for item in found if item not in ("present data", "present opt", "present tmp", "present etc")
    ]


def _status(workspace: Workspace, path: str) -> tuple[int, int, int]:
    tree = workspace.tree
    status = tree.ownership.status(os.lstat(f"{tree.root.rstrip('/')}/{path}"))
    return status.mode, status.uid, status.gid


def _processes(argument: bytes) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if argument in file.read().split(b"\0"):
                    found.append(name)
        except OSError:
            continue
    return found


def _mounts() -> list[str]:
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return [line.split()[1] for line in file]


def all_checks() -> dict[str, Check]:
    """Every check by name."""
    return {
        name.removeprefix("check_"): value for name, value in globals().items() if name.startswith("check_")
    }
