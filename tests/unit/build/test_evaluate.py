"""The meaning of instructions: rules that a golden file would hide. The rest is in tests/golden/evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.build.action import CopyFiles, RunCommand, Step
from ci_builder.build.evaluate import Settings, State, begin, begin_from_stage, evaluate, finish
from ci_builder.build.evaluate.go_format import quote, quote_rune
from ci_builder.build.evaluate.paths import clean, destination, source
from ci_builder.build.evaluate.ports import parse_ports
from ci_builder.build.evaluate.signals import is_signal
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.errors import DockerfileError
from ci_builder.oci.config import ImageConfig, RunConfig
from ci_builder.oci.digest import Digest
from ci_builder.oci.platform import Platform
from ci_builder.span import Source

_EMPTY = RunConfig()
_NOTHING_GIVEN = Settings()
_LAYER = Digest.parse("sha256:" + "0" * 64)


def _base(run: RunConfig) -> ImageConfig:
    return ImageConfig(Platform("linux", "amd64"), run, (_LAYER,))


def _run(
    text: str,
    base: RunConfig | State = _EMPTY,
    settings: Settings = _NOTHING_GIVEN,
) -> tuple[State, list[Step]]:
    state = begin_from_stage(base) if isinstance(base, State) else begin(_base(base), settings)
    steps = []
    for instruction in parse(Source("Dockerfile", "FROM x\n" + text)).stages[0].instructions:
        state, step = evaluate(state, instruction)
        if step:
            steps.append(step)
    return state, steps


def _command(step: Step) -> RunCommand:
    (action,) = step.actions
    assert isinstance(action, RunCommand)
    return action


def test_path_is_set_when_the_base_has_none() -> None:
    assert dict(_run("")[0].run.env)["PATH"].startswith("/usr/local/sbin:")
    assert dict(_run("", RunConfig(env=(("PATH", "/x"),)))[0].run.env) == {"PATH": "/x"}


def test_leftovers_of_the_classic_builder_go() -> None:
    state, _ = _run("", RunConfig(extra=(("Hostname", "x"), ("ArgsEscaped", True))))
    assert state.run.extra == (("ArgsEscaped", True),)


def test_triggers_do_not_stay() -> None:
    assert _run("ONBUILD RUN new", RunConfig(onbuild=("RUN old",)))[0].run.onbuild == ("RUN new",)


def test_an_arg_is_seen_but_not_in_the_image() -> None:
    state, steps = _run("ARG A=1\nENV B=$A\nRUN x")
    assert dict(_command(steps[-1]).env)["A"] == "1"
    assert "A" not in dict(state.run.env)
    assert dict(state.run.env)["B"] == "1"


def test_the_later_of_arg_and_env_wins() -> None:
    _, steps = _run("ENV A=env\nARG A=arg\nRUN x\nENV A=again\nRUN x")
    assert [dict(_command(step).env)["A"] for step in steps if step.actions] == ["arg", "again"]


def test_a_build_arg_counts_only_when_declared() -> None:
    settings = Settings(build_args=(("A", "given"), ("B", "given")))
    _, steps = _run("ARG A=default\nRUN x", settings=settings)
    env = dict(_command(steps[-1]).env)
    assert env["A"] == "given"
    assert "B" not in env


def test_args_stay_in_scope_in_the_next_stage() -> None:
    below, _ = _run("ARG A=1\nCMD a")
    state, steps = _run('RUN x\nENTRYPOINT ["e"]', below)
    assert dict(_command(steps[0]).env)["A"] == "1"
    assert state.run.cmd is None


def test_proxies_are_given_but_not_shown() -> None:
    settings = Settings(build_args=(("http_proxy", "http://secret@proxy"), ("no_proxy", "")))
    state, steps = _run("ENV http_proxy=x\nRUN x", settings=settings)
    command = _command(steps[-1])
    assert dict(command.env)["http_proxy"] == "x"
    proxies = dict(command.proxies)
    assert proxies["http_proxy"] == proxies["HTTP_PROXY"] == "http://secret@proxy"
    assert "NO_PROXY" not in proxies
    assert "secret" not in steps[-1].created_by
    assert "secret" not in str(state.run)


def test_home_is_left_to_others() -> None:
    assert "HOME" not in dict(_command(_run("USER app\nRUN x")[1][-1]).env)


def test_entrypoint_resets_an_inherited_cmd_only() -> None:
    assert _run('ENTRYPOINT ["e"]', RunConfig(cmd=("c",)))[0].run.cmd is None
    assert _run('CMD ["d"]\nENTRYPOINT ["e"]', RunConfig(cmd=("c",)))[0].run.cmd == ("d",)


def test_labels_of_the_request_win_and_leave_no_history() -> None:
    state, _ = _run("LABEL a=file b=file")
    assert finish(state, (("a", "request"),)).run.labels == (("a", "request"), ("b", "file"))


def test_the_state_that_came_in_is_as_it_was() -> None:
    before, _ = _run("ENV A=1\nLABEL a=1\nEXPOSE 1\nVOLUME /a")
    shown = repr(before)
    _run("ENV A=2\nLABEL a=2\nEXPOSE 2\nVOLUME /b\nARG A=3\nONBUILD RUN x", before)
    assert repr(before) == shown


def test_copy_cannot_leave_its_origin() -> None:
    _, steps = _run("COPY ../../etc/passwd /../../x/../.. /../y/")
    (action,) = steps[0].actions
    assert isinstance(action, CopyFiles)
    assert (action.sources, action.destination) == (("etc/passwd", "."), "/y/")


def test_no_step_says_none() -> None:
    instruction = parse(Source("f", "FROM x\nONBUILD RUN y")).stages[0].instructions[0]
    assert evaluate(begin(_base(RunConfig()), Settings()), instruction)[1] is None


@given(st.text(st.sampled_from("./ab"), max_size=12))
def test_paths_are_absolute_and_clean(path: str) -> None:
    cleaned = clean(path)
    assert cleaned.startswith("/")
    assert not cleaned.startswith("//")
    assert not {"", ".", ".."} & set(cleaned.strip("/").split("/")) or cleaned == "/"
    assert clean(cleaned) == cleaned
    assert source(path).split("/")[0] not in ("", "..")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x", "/w/x"),
        ("x/", "/w/x/"),
        (".", "/w/"),
        ("./", "/w/"),
        ("/", "/"),
        ("/x", "/x"),
        ("..", "/"),
        ("x/.", "/w/x"),
    ],
)
def test_destinations(path: str, expected: str) -> None:
    assert destination(path, "/w") == expected


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", ("80/tcp",)),
        ("80/UDP", ("80/udp",)),
        ("1-3/sctp", ("1/sctp", "2/sctp", "3/sctp")),
        ("8080:80", ("80/tcp",)),
        ("127.0.0.1:1:80", ("80/tcp",)),
        ("[::1]:1:80", ("80/tcp",)),
        ("1-2:3-4", ("3/tcp", "4/tcp")),
        ("1-2:80", ("80/tcp",)),
    ],
)
def test_ports(text: str, ports: tuple[str, ...]) -> None:
    assert parse_ports(text) == ports


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1-", "65536", "2-1", "80/x", "1-3:1-2", "a:1:2", "٣", "1-2-3", "/tcp"]
)
def test_no_ports(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_ports(text)


@given(st.text(st.sampled_from("0123456789-:/.tcpudp[]"), max_size=15))
def test_ports_never_crash(text: str) -> None:
    try:
        parse_ports(text)
    except ValueError:
        return


@pytest.mark.parametrize("text", ["SIGTERM", "term", "9", "RTMIN", "SIGRTMIN+15", "rtmax-14", "64"])
def test_signals(text: str) -> None:
    assert is_signal(text)


@pytest.mark.parametrize(
    "text", ["", "0", "-9", "SIG", "NOPE", "RTMIN+16", "RTMAX+1", "RTMIN+01", "TERM+1", "９"]
)
def test_no_signals(text: str) -> None:
    assert not is_signal(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('a"b', '"a\\"b"'),
        ("\n\x01\x7f", '"\\n\\x01\\x7f"'),
        ("é🙂", '"é🙂"'),
        ("\u2028\u00a0", '"\\u2028\\u00a0"'),
    ],
)
def test_go_quotes(text: str, shown: str) -> None:
    assert quote(text) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "'\\x00'"), (3, "'\\x03'"), (10, "'\\n'"), (65, "'A'"), (39, "'\\''"), (0xD800, "'\ufffd'")],
)
def test_go_quotes_of_numbers(number: int, shown: str) -> None:
    assert quote_rune(number) == shown


@pytest.mark.parametrize("text", ["STOPSIGNAL $NONE", "VOLUME $NONE", "EXPOSE 1-", "ENV A=${B:?gone}"])
def test_errors_point_at_the_line(text: str) -> None:
    with pytest.raises(DockerfileError, match=r"^Dockerfile:2: "):
        _run(text)


def test_a_default_that_is_not_used_may_be_wrong() -> None:
    line = "ARG a=${b:?must be set}\nRUN x\n"
    _, steps = _run(line, settings=Settings(build_args=(("a", "given"),)))
    assert dict(_command(steps[-1]).env)["a"] == "given"
    with pytest.raises(DockerfileError, match="must be set"):
        _run(line)


def test_args_for_an_sbom_are_no_variables() -> None:
    _, steps = _run("ARG BUILDKIT_SBOM_SCAN_STAGE=true\nARG x=1\nRUN y\n")
    assert {name for name, _ in _command(steps[-1]).env} == {"PATH", "x"}
