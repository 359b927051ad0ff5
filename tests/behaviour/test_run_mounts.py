"""RUN --mount where a comparison with docker says nothing: secrets, agents, caches of several builds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.compare.builders import Built, run_ours
from tests.servers.bases import Base

pytestmark = pytest.mark.root
_VALUE = "a-value-that-nobody-may-see"


@dataclass(frozen=True)
class Bench:
    """Builds in ``folder`` with one executor; all of them share a home."""

    folder: Path
    base: Base
    executor: str

    def build(self, name: str, dockerfile: str, *options: str, env: Mapping[str, str] | None = None) -> Built:
        """Build ``dockerfile`` in a context of its own, into ``NAME.tar``, the files of the image."""
        context = self.folder / name
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return run_ours(
            [
                *("build", f"--isolation={self.executor}", "--progress=plain", *options),
                f"--build-context=busybox=oci-layout://{self.base.layout}",
                f"--output=type=tar,dest={self.folder / name}.tar",
                f"--output=type=oci,dest={self.folder / name}.oci,tar=false",
                str(context),
            ],
            home=home,
            env=dict(env or {}),
        )

    def files(self, name: str) -> dict[str, bytes]:
        """The regular files of an image that was built."""
        with tarfile.open(self.folder / f"{name}.tar") as archive:
            found = [member for member in archive if member.isfile()]
            return {member.name: archive.extractfile(member).read() for member in found}  # type: ignore[union-attr]


@pytest.fixture(params=["namespace", "ptrace", "chroot"])
def bench(request: pytest.FixtureRequest, busybox: Base, tmp_path: Path) -> Bench:
    return Bench(tmp_path, busybox, str(request.param))


def test_a_secret_is_seen_and_stays_nowhere(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(_VALUE)
    built = bench.build(
        "secret",
        f"""\
FROM busybox
RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = "$(echo {_VALUE[::-1]} | rev)"
RUN --mount=type=secret,id=token,target=/t,uid=1000,gid=50,mode=0440 stat -c '%a %u:%g' /t > /stat
RUN --mount=type=secret,id=token,env=TOKEN test "$TOKEN" = "$(echo {_VALUE[::-1]} | rev)" && \
    test ! -e /run/secrets
RUN --mount=type=secret,id=token,required,dst=/root/.netrc cat /root/.netrc; test -z "$TOKEN"
RUN ls -a / /run /root > /names 2>&1; env > /env
""",
        "--secret",
        f"id=token,src={tmp_path / 'token'}",
    )
    assert built.code == 0, built.text
    assert _VALUE not in built.text
    found = bench.files("secret")
    assert found["stat"] == b"440 1000:50\n"
    assert b"secrets" not in found["names"]
    assert b".netrc" not in found["names"]
    for path in (tmp_path / "secret.oci").rglob("*"):
        assert not path.is_file() or _VALUE.encode() not in _unpacked(path), path
    assert not _files_with(tmp_path / "home", _VALUE.encode())


def test_a_user_reads_the_secret_that_is_theirs_only(bench: Bench) -> None:
    built = bench.build(
        "secret",
        """\
FROM busybox
USER 1000
RUN --mount=type=secret,id=mine,uid=1000 --mount=type=secret,id=roots \
    cat /run/secrets/mine > /tmp/mine; \
    cat /run/secrets/roots > /tmp/roots 2>/dev/null || echo refused > /tmp/roots
""",
        *("--secret", "id=mine,env=MINE", "--secret", "id=roots,env=ROOTS"),
        env={"MINE": "of-the-user", "ROOTS": "of-root"},
    )
    assert built.code == 0, built.text
    assert bench.files("secret")["tmp/mine"] == b"of-the-user"
    assert bench.files("secret")["tmp/roots"] == b"refused\n"


def test_what_is_missing_is_said(bench: Bench) -> None:
    built = bench.build("a", "FROM busybox\nRUN --mount=type=secret,id=x,required true\n")
    assert built.code != 0
    assert "--secret id=x" in built.text
    built = bench.build("b", "FROM busybox\nRUN --mount=type=ssh,required true\n")
    assert built.code != 0
    assert "--ssh default" in built.text
    built = bench.build("c", "FROM busybox\nRUN true\n", "--secret", "id=x,src=/not/there")
    assert built.code != 0
    assert "/not/there" in built.text
    built = bench.build("d", "FROM busybox\nRUN true\n", "--ssh", f"default={bench.folder}/d/Dockerfile")
    assert built.code != 0
    assert "no agent's socket" in built.text


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The socket of a real agent with one key, and the key's fingerprint."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed (Debian's openssh-client)")
    place = tmp_path / "agent.sock"
    command = ["ssh-agent", "-D", "-a", str(place)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            key = tmp_path / "key"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
            while not place.exists():
                assert process.poll() is None
            environment = {**os.environ, "SSH_AUTH_SOCK": str(place)}
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
            shown = subprocess.run(
                ["ssh-keygen", "-lf", str(key)], capture_output=True, text=True, check=True
            ).stdout
            yield place, shown.split()[1]
        finally:
            process.terminate()


def test_what_nobody_gave(bench: Bench) -> None:
    """As BuildKit tells of it: an empty variable, a place without a socket; nothing is mounted."""
    built = bench.build(
        "none",
        """\
FROM busybox
RUN --mount=type=secret,id=none,env=TOKEN --mount=type=ssh \
    echo "${TOKEN-unset}|$SSH_AUTH_SOCK" > /told; test ! -e /run/secrets && test ! -e "$SSH_AUTH_SOCK"
""",
    )
    assert built.code == 0, built.text
    assert bench.files("none")["told"] == b"|/run/buildkit/ssh_agent.0\n"


def test_an_agent_answers(bench: Bench, agent: tuple[Path, str]) -> None:
    place, fingerprint = agent
    (bench.folder / "tools").mkdir()
    _copy_program("/usr/bin/ssh-add", bench.folder / "tools")
    built = bench.build(
        "agent",
        """\
FROM busybox AS tools
COPY --from=tools-of-this-machine / /
FROM tools
RUN --mount=type=ssh ssh-add -l > /keys && echo $SSH_AUTH_SOCK > /where
RUN --mount=type=ssh,target=/tmp/a,uid=1000,mode=0600 stat -c '%a %u' /tmp/a > /stat; ssh-add -l >> /stat
USER 1000
RUN --mount=type=ssh,uid=1000 ssh-add -l > /tmp/keys
USER root
RUN test ! -e /run/buildkit && test -z "$SSH_AUTH_SOCK"
""",
        f"--build-context=tools-of-this-machine={bench.folder / 'tools'}",
        *("--ssh", f"default={place}"),
    )
    assert built.code == 0, built.text
    found = bench.files("agent")
    assert fingerprint.encode() in found["keys"]
    assert found["where"] == b"/run/buildkit/ssh_agent.0\n"
    assert found["stat"].startswith(b"600 1000\n256")
    assert fingerprint.encode() in found["tmp/keys"]


def _copy_program(path: str, folder: Path) -> None:
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    for source in (path, *re.findall(r"(/\S+) \(0x", listed)):
        target = folder / source[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_a_cache_is_there_in_the_next_build(bench: Bench) -> None:
    mount = "FROM busybox\nRUN --mount=type=cache,target=/c cd /c;"
    first = f"{mount} echo 1 > f && chown 5:6 f && chmod 604 f\n"
    second = f"{mount} stat -c '%a %u:%g' f > /stat; cat f >> /stat\n"
    for name, text in (("first", first), ("second", second)):
        built = bench.build(name, text)
        assert built.code == 0, built.text
    assert bench.files("second")["stat"] == b"604 5:6\n1\n"
    assert "c/f" not in bench.files("first")
    other = bench.build("third", f"{mount} ls > /names\n", "--build-arg=BUILDKIT_CACHE_MOUNT_NS=elsewhere")
    assert other.code == 0, other.text
    assert bench.files("third")["names"] == b""


def test_a_locked_cache_is_used_by_one_at_a_time(bench: Bench) -> None:
    text = """\
FROM busybox
RUN --mount=type=cache,target=/c,sharing=locked mkdir /c/taken && sleep 1 && rmdir /c/taken && touch /c/$NAME
ARG NAME
RUN --mount=type=cache,target=/c,sharing=locked ls /c > /names
"""
    found: dict[str, Built] = {}

    def build(name: str) -> None:
        found[name] = bench.build(name, text, f"--build-arg=NAME={name}")

    threads = [threading.Thread(target=build, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [built.code for built in found.values()] == [0, 0], found


def test_a_private_cache_is_each_build_s_own(bench: Bench) -> None:
    text = """\
FROM busybox
RUN --mount=type=cache,target=/c,sharing=private mkdir /c/taken && sleep 1 && rmdir /c/taken
"""
    found: dict[str, Built] = {}

    def build(name: str) -> None:
        found[name] = bench.build(name, text)

    threads = [threading.Thread(target=build, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [built.code for built in found.values()] == [0, 0], found


@pytest.mark.parametrize("what", ["ln -s {victim} /c", "touch /c"])
@pytest.mark.parametrize(
    ("first", "later"),
    [("chroot", "namespace"), ("chroot", "chroot"), ("ptrace", "ptrace"), ("namespace", "chroot")],
)
def test_a_cache_never_leads_out_of_itself(
    tmp_path: Path, busybox: Base, first: str, later: str, what: str
) -> None:
    """A command may put something else where a cache was moved to; the next build must not follow it."""
    bench = Bench(tmp_path, busybox, first)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("precious")
    poison = f"rm -rf /c; {what.format(victim=victim)}; true"
    use = "ls /c /c/link; rm -rf /c/* /c/link/*; touch /c/escaped /c/link/escaped; true"
    poisoned = bench.build("first", f"FROM busybox\nRUN --mount=type=cache,target=/c {poison}\n")
    assert poisoned.code == 0, poisoned.text
    for number in (1, 2):
        next_bench = replace(bench, executor=later)
        second = next_bench.build(
            f"second-{number}", f"FROM busybox\nRUN --mount=type=cache,target=/c {use} 2>&1\n"
        )
        assert second.code == 0, second.text
        assert "precious" not in second.text
        assert os.listdir(victim) == ["precious"]


def test_a_command_that_fails_leaves_the_cache(bench: Bench) -> None:
    failing = "FROM busybox\nRUN --mount=type=cache,target=/c echo 1 > /c/f; rm -rf /nothing; false\n"
    assert bench.build("first", failing).code != 0
    built = bench.build("second", "FROM busybox\nRUN --mount=type=cache,target=/c cp /c/f /f\n")
    assert built.code == 0, built.text
    assert bench.files("second")["f"] == b"1\n"


def _unpacked(path: Path) -> bytes:
    done = subprocess.run(["gzip", "-dcf", str(path)], capture_output=True, check=False)
    return done.stdout + path.read_bytes()


def _files_with(folder: Path, value: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and value in path.read_bytes()]


def test_a_tmpfs_has_as_much_room_as_it_says(bench: Bench) -> None:
    head = "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m"
    fits = "--mount=type=cache,target=/t/inside dd if=/dev/zero of=/t/inside/big bs=64k count=40; " + (
        "dd if=/dev/zero of=/t/a bs=64k count=8 && rm /t/a && dd if=/dev/zero of=/t/b bs=64k count=12"
    )
    built = bench.build("fits", f"{head} {fits}\n")
    assert built.code == 0, built.text
    for name, wait in (("at-once", ""), ("meanwhile", "; sleep 4325")):
        built = bench.build(name, f"{head} dd if=/dev/zero of=/t/f bs=64k count=32 || exit 9{wait}\n")
        if bench.executor == "namespace":
            assert (built.code, "No space left on device" in built.text) == (9, True)
        else:
            assert built.code == 1
            assert "the command wrote more than 1,048,576 bytes, its size, into the tmpfs at /t" in built.text
