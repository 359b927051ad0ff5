"""The command line as a process: exit codes, streams, signals."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ci_builder import __version__
from ci_builder.cli.failure import harmless, show_error, unexpected_error
from ci_builder.cli.invocation import Invocation, data_folder, temporary_folder
from ci_builder.cli.main import main
from ci_builder.cli.masking import Secrets
from ci_builder.errors import Interrupted, UsageError
from tests.servers.signals import default_signals

ROOT = Path(__file__).resolve().parents[3]
SCRATCH = "FROM scratch\nCOPY hello.txt /\nLABEL a=b\n"


def start(arguments: Sequence[str], home: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "ci_builder.cli", *arguments],
        cwd=home,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )


def run(arguments: Sequence[str], home: Path, given: str = "", **variables: str) -> tuple[int, str, str]:
    process = start(arguments, home, **variables)
    out, said = process.communicate(given, timeout=60)
    return process.returncode, out, said


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(SCRATCH)
    (folder / "hello.txt").write_text("hello\n")
    return folder


def test_result_on_standard_output_progress_on_the_other(tmp_path: Path, context: Path) -> None:
    code, out, said = run(["build", "-t", "a:1", str(context), "--metadata-file", "m.json"], tmp_path)
    assert code == 0, said
    metadata = json.loads((tmp_path / "m.json").read_text())
    assert f"digest    {metadata['containerimage.digest']}" in out
    assert "COPY hello.txt" in said
    assert metadata["image.name"] == "docker.io/library/a:1"
    assert (tmp_path / ".local/share/ci-builder/store/index.json").is_file()


def test_a_cache_in_a_folder_of_the_context_is_no_part_of_it(tmp_path: Path, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    place = context / "layers"
    words = ["build", "--cache-from", f"type=local,src={place}", "--cache-to", f"type=local,dest={place}"]
    for cached in (False, True, True):
        code, _, said = run([*words, "-o", "out", str(context)], tmp_path)
        assert code == 0, said
        assert ("CACHED" in said) is cached, said
        assert (place / "index.json").is_file()
        assert not (tmp_path / "out/layers").exists()


def test_quiet_prints_the_image_id_alone(tmp_path: Path, context: Path) -> None:
    code, out, said = run(["build", "-q", "--iidfile", "iid", str(context)], tmp_path)
    assert (code, said) == (0, "")
    assert out == (tmp_path / "iid").read_text() + "\n"


def test_a_tar_on_standard_output_and_nothing_else(tmp_path: Path, context: Path) -> None:
    code, out, said = run(["build", "-o", "-", str(context)], tmp_path)
    assert code == 0, said
    assert "hello.txt" in out
    assert "digest " not in out


def test_dockerfile_from_standard_input(tmp_path: Path, context: Path) -> None:
    code, _, said = run(["build", "-f", "-", str(context)], tmp_path, "FROM scratch\nCOPY *.txt /x/\n")
    assert code == 0, said


def test_broken_dockerfile(tmp_path: Path, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCPOY a b\n")
    code, out, said = run(["build", str(context)], tmp_path)
    assert (code, out) == (1, "")
    assert "Dockerfile:2" in said
    assert ">>> CPOY a b" in said
    assert "Traceback" not in said


def test_called_executor(tmp_path: Path, context: Path) -> None:
    link = tmp_path / "executor"
    link.write_text(
        f"#!{sys.executable}\nimport sys\nfrom ci_builder.cli.main import console\nsys.exit(console())\n"
    )
    link.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    words = [
        str(link),
        f"--context=dir://{context}",
        "--no-push",
        "--digest-file",
        "digest",
        "-d",
        "r.example/x:1",
    ]
    words += ["--image-name-tag-with-digest-file", "named"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    digest = (tmp_path / "digest").read_text()
    assert digest.startswith("sha256:")
    assert (tmp_path / "named").read_text() == f"r.example/x:1@{digest}\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["frobnicate"], 2, "there is no command 'frobnicate'"),
        (["push", "r.example/x:1"], 2, "hint: build does it: --tag NAME --push"),
        (["buildx", "build", "."], 2, "leave out buildx"),
        (["build", "--unknown", "."], 2, "error: unknown option --unknown"),
        (["build", "--targ", "x", "."], 2, "did you mean --target?"),
        (["biuld", "."], 2, "did you mean build?"),
        (["--push", "build", "."], 2, "the option --push stands before the command"),
        (["build", "--rm=false", "."], 2, "--rm=false is not supported"),
        (["build", "--squash", "."], 2, "--squash=true is not supported"),
        (["build", "--memory", "1g", "."], 2, "--memory is not supported"),
        (["build", "--check", "--call=targets", "."], 2, "ask for two things"),
        (["build", "nowhere"], 1, "nowhere"),
        (["build", "--output", "type=odd", "."], 2, "unknown output type 'odd'"),
        (["build", "--isolation", "magic", "."], 2, "magic"),
        (["build", "--iidfile", "no/such/folder/x", "."], 1, "no/such/folder/x cannot be written"),
        (["build", "--secret", "id=x,src=missing", "."], 2, "the secret file missing cannot be read"),
        (["executor", "--frobnicate"], 2, "unknown flag --frobnicate"),
        (["executor", "push", "x"], 2, "executor push is not supported"),
        (["login"], 2, "--username"),
        (["login", "", "-u", "a", "-p", "b"], 2, "error: the REGISTRY is empty"),
        (["logout", ""], 2, "error: the REGISTRY is empty"),
        (["build", ""], 2, "error: the CONTEXT is empty"),
        (["demo", "--isolation", "docker"], 2, "there is no isolation 'docker'"),
    ],
)
def test_wrong_use(tmp_path: Path, context: Path, arguments: list[str], code: int, said: str) -> None:
    (tmp_path / "Dockerfile").write_text(SCRATCH)
    (tmp_path / "hello.txt").write_text("x")
    found, out, text = run(arguments, tmp_path)
    assert said in text
    assert (found, out) == (code, "")
    assert "Traceback" not in text


def test_settings_file_counts_and_its_mistakes_are_told(tmp_path: Path, context: Path) -> None:
    (tmp_path / "ci_builder.toml").write_text('[labels]\nfrom = "settings"\n')
    code, _, said = run(["build", str(context), "-o", "type=oci,dest=out,tar=false"], tmp_path)
    assert code == 0, said
    blobs = (tmp_path / "out/blobs/sha256").iterdir()
    assert any(b'"from":"settings"' in blob.read_bytes() for blob in blobs)
    (tmp_path / "ci_builder.toml").write_text("labels = 1\n")
    code, _, said = run(["build", str(context)], tmp_path)
    assert code == 2
    assert "ci_builder.toml: labels" in said


def test_version_and_help(tmp_path: Path) -> None:
    assert run(["--version"], tmp_path)[:2] == (0, f"ci_builder {__version__}\n")
    code, out, _ = run(["--help"], tmp_path)
    assert code == 0
    assert all(name in out for name in ("build", "ci", "executor", "demo", "login", "logout"))
    assert run([], tmp_path)[0] == 2


def test_every_option_has_its_line_of_help(tmp_path: Path) -> None:
    code, out, _ = run(["build", "--help"], tmp_path, COLUMNS="200")
    assert code == 0
    lines = [line.strip() for line in out.partition("what is built")[2].splitlines()]
    options = [line for line in lines if line.startswith("-")]
    assert len(options) > 25
    assert "--load" not in out


def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path, context: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ci_builder.cli", "build", str(context)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


WAITS = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()
sys.stdin.read()
"""


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cleans_up(
    tmp_path: Path, context: Path, silent_server: int, number: signal.Signals
) -> None:
    (context / "Dockerfile").write_text(f"FROM 127.0.0.1:{silent_server}/base\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    variables = {
        "CI_BUILDER_CONTEXT": str(context),
        "CI_BUILDER_REGISTRY": "r.example",
        "CI_BUILDER_USERNAME": "user",
        "CI_BUILDER_PASSWORD": "pa55word",
        "CI_BUILDER_PUSH": "false",
        "TMPDIR": str(temporary),
    }
    process = start(["ci"], tmp_path, **variables)
    config = wait_for(temporary, "ci-builder-*/*/docker/config.json")
    assert config.stat().st_mode & 0o777 == 0o600
    assert config.parent.stat().st_mode & 0o777 == 0o700
    time.sleep(0.2)
    process.send_signal(number)
    out, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number, said
    assert f"error: stopped by {number.name}" in said
    assert list(temporary.iterdir()) == []
    assert "pa55word" not in out + said


def wait_for(folder: Path, pattern: str) -> Path:
    for _ in range(600):
        for found in folder.glob(pattern):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{pattern} did not appear in {folder}")


def an_invocation(**environment: str) -> Invocation:
    return Invocation("ci-builder", environment, io.BytesIO(), io.BytesIO(), io.StringIO())


def said(invocation: Invocation) -> str:
    stream = invocation.stderr
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_an_error_shows_no_secret_and_commands_nobody() -> None:
    invocation = an_invocation()
    error = UsageError("first hunter2\n  ::add-path::/evil\n\x1b[2Jend", hint="not hunter2")
    assert show_error(error, invocation, Secrets.of(["hunter2"])) == 2
    assert said(invocation) == "error: first ***\n|   ::add-path::/evil\nend\nhint: not ***\n"
    assert harmless("##[error]x") == "| ##[error]x"


def test_an_unexpected_exception_tells_its_type_only() -> None:
    invocation = an_invocation()
    with contextlib.suppress(ValueError):
        raise ValueError("with hunter2 inside")
    error = unexpected_error(ValueError("with hunter2 inside"))
    assert show_error(error, invocation) == 70
    assert "ValueError" in said(invocation)
    assert "hunter2" not in said(invocation)
    debugging = an_invocation()
    show_error(error, debugging, Secrets.of(["hunter2"]), debug=True)
    assert "with *** inside" in said(debugging)


def test_main_returns_the_code_of_the_error() -> None:
    invocation = an_invocation()
    assert main(["executor", "login"], invocation) == 2
    assert Interrupted(15, "SIGTERM").exit_code == 143


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CI_BUILDER_HOME": "/x", "HOME": "/root"}, "/x"),
        ({"XDG_DATA_HOME": "/tmp/data", "HOME": "/root"}, "/tmp/data/ci-builder"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/tmp"}, "/tmp/.local/share/ci-builder"),
    ],
)
def test_where_the_store_is(environment: Mapping[str, str], expected: str) -> None:
    assert str(data_folder(environment)) == expected


def test_without_a_home_the_store_is_temporary() -> None:
    assert data_folder({}).parent == temporary_folder({})


def test_the_temporary_folder_of_the_ci(tmp_path: Path) -> None:
    assert temporary_folder({"RUNNER_TEMP": str(tmp_path)}) == tmp_path
    assert temporary_folder({"RUNNER_TEMP": "/does/not/exist"}) != Path("/does/not/exist")


def test_the_demo_runs_offline_as_far_as_the_surroundings_permit(tmp_path: Path) -> None:
    code, out, said = run(["demo", "--progress", "plain"], tmp_path, TMPDIR=str(tmp_path))
    assert code == 0, said
    assert "digest    sha256:" in out
    assert "the shell of this machine" in out
    assert "--output type=docker,dest=hello.tar" in out
    assert ("Hello, CI job without a daemon!" in said) != ("building without-run.Dockerfile instead" in said)


def test_what_the_demo_says_next_can_be_pasted(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    home.mkdir()
    code, out, said = run(["demo"], home, TMPDIR=str(tmp_path))
    assert code == 0, said
    line = next(line for line in out.splitlines() if "--output type=oci" in line)
    words = shlex.split(line.removeprefix("  save it"))[2:]
    code, _, said = run(words, home)
    assert code == 0, said
    assert (home / "hello-oci.tar").is_file()


def test_the_demo_with_an_isolation_that_does_not_work_is_an_error(tmp_path: Path) -> None:
    code, _, said = run(["demo", "--isolation", "in-place"], tmp_path, TMPDIR=str(tmp_path))
    assert code == 1
    assert "the isolation in-place does not work here" in said
