"""RUN: how commands are started, what they see and what stays of them, on every executor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.behaviour.web import serve
from tests.behaviour.workbench import (
    NONE,
    RUNNING,
    File,
    Image,
    Refusal,
    Refuse,
    Workbench,
    agree,
    folder,
    plain,
)
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_SECRET = "known-to-nobody"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of this machine."""
    with serve({"/": b"reached\n"}) as url:
        yield url


@pytest.fixture(scope="module")
def case(url: str) -> Case:
    return Case(
        name="run",
        dockerfile=f"""\
FROM busybox
COPY --chown=1000:1000 a old /there/
ENV of_env="of env" url={url}
RUN echo "$of_env" '$of_env' > /shell && \\
    # a comment between
    umask >> /shell && pwd >> /shell && cat >> /shell
RUN ["/bin/busybox", "sh", "-c", "echo \\"$0|$1|$of_env\\" > /exec", "$of_env", "two  words"]
RUN ["/bin/true"] 2>/dev/null || echo "no JSON" > /fallback
RUN <<EOF
echo one > /heredoc
echo "$of_env" \\
  two >> /heredoc
EOF
RUN (cat; cat <&3) <<'ONE' 3<<-TWO > /heredocs
$of_env
ONE
\t$of_env
TWO
RUN <<EOF
#!/usr/bin/awk -f
BEGIN {{ print ENVIRON["of_env"] > "/script" }}
EOF
RUN rm -r /there && mkdir -m 700 /there && cd /there && echo new > b && chown 12:34 b && chmod 4750 b && \\
    ln -s b link && ln b hard && mkfifo -m 600 pipe && touch -d @1234567890 /there/b
RUN rm /there/link /etc/motd
RUN true
RUN --network=none wget -q -T 5 -O /dev/null $url || echo none > /network
RUN --network=default --security=sandbox wget -q -O - $url >> /network
RUN --network=host wget -q -O - $url >> /network
RUN --mount=type=bind,source=a,target=/m/a --mount=type=cache,target=/m/cache,uid=5,gid=6,mode=0700 \\
    --mount=target=m/whole --mount=type=tmpfs,target=/m/tmp --mount=type=secret,id=token,mode=0440 \\
    --mount=type=secret,id=token,env=TOKEN,required \\
    cat /m/a > /mounts && stat -c '%u %g %a' /m/cache >> /mounts && touch /m/cache/x /m/tmp/x && \\
    test "$TOKEN" = "$(cat /run/secrets/token)" && wc -c < /run/secrets/token >> /mounts && \\
    stat -c '%u %a' /run/secrets/token >> /mounts && ls /m/whole >> /mounts
RUN --mount=type=cache,id=/m/cache,target=/c,uid=5,gid=6,mode=0700 ls /c > /kept; test -z "$TOKEN"
RUN mkdir /dev/made && touch /dev/made/x
""",
        context={"a": "a\n", "old": "", "keys/token": _SECRET, ".dockerignore": "keys\n"},
        options=("--secret=id=token,src={context}/keys/token",),
    )


def test_the_shell_form(ran: Image) -> None:
    assert ran.read("shell") == "of env $of_env\n0022\n/\n"


def test_the_exec_form_expands_nothing(ran: Image) -> None:
    assert ran.read("exec") == "$of_env|two  words|of env\n"


def test_what_is_no_json_is_for_the_shell(ran: Image) -> None:
    assert ran.read("fallback") == "no JSON\n"


def test_heredocs(ran: Image) -> None:
    assert ran.read("heredoc") == "one\nof env two\n"
    assert ran.read("heredocs") == "$of_env\nof env\n"
    assert ran.read("script") == "of env\n"


def test_what_is_written_to_dev_is_in_no_layer(ran: Image) -> None:
    assert ran.layer_of("RUN /bin/sh -c mkdir /dev/made") == {}


def test_a_layer_has_what_a_command_changed(ran: Image) -> None:
    assert ran.layer_of("RUN /bin/sh -c rm -r /there") == {
        "there": folder(0o700),
        "there/.wh.a": plain("", 0, 0),
        "there/.wh.old": plain("", 0, 0),
        "there/b": plain("new\n", 0o4750, 12, 34),
        "there/hard": File("link", 0o4750, 12, 34, "there/b"),
        "there/link": File("symlink", 0o777, content="b"),
        "there/pipe": File("fifo", 0o600),
    }
    assert ran.files["there/b"].modified == 1234567890


def test_a_layer_has_what_a_command_removed(ran: Image) -> None:
    assert set(ran.layer_of("RUN /bin/sh -c rm /there/link")) == {
        "etc",
        "etc/.wh.motd",
        "there",
        "there/.wh.link",
    }


def test_nothing_changed_is_a_layer_all_the_same(ran: Image) -> None:
    assert ran.layer_of("RUN /bin/sh -c true") == {}
    assert ("RUN /bin/sh -c true # buildkit", True) in ran.history


def test_networks(ran: Image) -> None:
    """none has none, also where the executor has no namespaces."""
    assert ran.read("network") == "none\nreached\nreached\n"


def test_mounts_are_seen_and_leave_nothing(ran: Image) -> None:
    assert ran.read("mounts") == f"a\n5 6 700\n{len(_SECRET)}\n0 440\nDockerfile\na\nold\n"
    assert set(ran.layer_of("RUN /bin/sh -c cat /m/a")) == {"mounts"}
    assert ran.read("kept") == "x\n"
    assert _SECRET not in str(ran.layers) + str(ran.whole) + ran.text


def test_the_history(ran: Image) -> None:
    lines = [line for line, layered in ran.said("RUN") if layered]
    assert len(lines) == len(ran.said("RUN")) == 15
    assert lines[1] == ('RUN /bin/busybox sh -c echo "$0|$1|$of_env" > /exec $of_env two  words # buildkit')
    assert lines[3] == 'RUN /bin/sh -c echo one > /heredoc\necho "$of_env" \\\n  two >> /heredoc\n # buildkit'


@pytest.mark.parametrize("executor", RUNNING)
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [("RUN exit 3", 3, "exit code 3"), ('RUN ["/not/there"]', 127, "/not/there")],
)
def test_a_command_that_fails(workbench: Workbench, executor: str, line: str, code: int, said: str) -> None:
    built = workbench.build(executor, Case(name="fails", dockerfile=f"FROM busybox\n\n{line}\n"))
    assert built.code == code, built.text
    assert "error: Dockerfile:3: " in built.text
    assert f">>> {line}" in built.text
    assert said in built.text


def test_where_nothing_is_run_there_is_a_clear_error(workbench: Workbench) -> None:
    refused = workbench.build(NONE, Case(name="none", dockerfile="FROM busybox\nRUN true\n"))
    assert refused.code == 1
    assert "the isolation none does not work here" in refused.text
    assert "the Dockerfile has a RUN" in refused.text
    assert "hint: use --isolation=auto" in refused.text


def test_a_stage_that_is_not_needed_may_have_commands(workbench: Workbench) -> None:
    text = "FROM busybox AS other\nRUN true\nFROM busybox\nCOPY Dockerfile /\n"
    built = workbench.build(NONE, Case(name="other", dockerfile=text))
    assert built.code == 0, built.text
    assert "executor: none" in built.text


@pytest.mark.parametrize(
    ("executor", "seen"), [("namespace", "21 22 640"), ("chroot", "21 22 640"), ("ptrace", "0 0 666")]
)
def test_devices_outside_stay_as_they_are(workbench: Workbench, executor: str, seen: str) -> None:
    """A command of root gives away those of its own, or none."""
    before = os.stat("/dev/null")
    # What changes nothing is permitted, as install scripts do it.
    script = (
        "(chown root:root /dev/null && chmod 666 /dev/null || touch /failed); chown 21:22 /dev/null;"
        " chmod 640 /dev/null; echo gone > /dev/null; stat -c '%u %g %a' /dev/null"
    )
    image = workbench.image(
        executor, Case(name="devices", dockerfile=f"FROM busybox\nRUN {script} > /seen\n")
    )
    assert image.read("seen") == f"{seen}\n"
    assert "failed" not in image.files
    after = os.stat("/dev/null")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("RUN", "RUN requires at least one argument", ""),
        ("RUN []", "RUN needs a program to run, [] has none", ""),
        ('RUN ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only", ""),
        ("RUN --network=bridge x", "unknown network 'bridge'", "it is one of default, none, host"),
        ("RUN --security=secure x", "unknown security mode 'secure'", "it is sandbox or insecure"),
        (
            "RUN --security=insecure x",
            "RUN --security=insecure is not supported: there are no privileges to give",
            "",
        ),
        ("RUN --device=gpu x", "RUN --device is not supported: a job has no devices to give", ""),
        ("RUN --netwrok=none x", "unknown flag --netwrok for RUN", "did you mean --network?"),
        ("RUN --network=none --network=none x", "the flag --network of RUN is given twice", ""),
        (
            "RUN --mount=type=bound,target=/a x",
            "--mount=type=bound,target=/a: unknown type 'bound'",
            "it is one of bind, cache, tmpfs, secret, ssh",
        ),
        ("RUN --mount=type=cache x", "--mount=type=cache: type=cache needs a target", "add target=/path"),
        (
            "RUN --mount=type=tmpfs,target=/ x",
            "--mount=type=tmpfs,target=/: nothing can be mounted over the root directory",
            "",
        ),
        (
            "RUN --mount=type=tmpfs,target=/a,id=b x",
            "--mount=type=tmpfs,target=/a,id=b: id is not for type=tmpfs",
            "the keys are size, target",
        ),
        (
            "RUN --mount=target=/a,sorce=b x",
            "--mount=target=/a,sorce=b: unknown key 'sorce'",
            "did you mean source?",
        ),
        (
            "RUN <<EOF\nx",
            "the heredoc EOF does not end",
            "a line with EOF alone ends it; white space around it counts",
        ),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
