"""entrypoint.py on a Python that has pip and nothing else: a copy of it beside a tiny program, and a wheel
made here instead of a package index."""

from __future__ import annotations

import ast
import base64
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.servers.signals import default_signals

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
import tiny

def console() -> int:
    print(tiny.VERSION, sys.argv[1:])
    return 3
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose only dependency is the wheel ``tiny``."""
    folder = tmp_path / "checkout"
    (folder / "ci_builder" / "cli").mkdir(parents=True)
    shutil.copy(ROOT / "entrypoint.py", folder)
    (folder / "ci_builder" / "__init__.py").touch()
    (folder / "ci_builder" / "cli" / "__init__.py").touch()
    (folder / "ci_builder" / "cli" / "main.py").write_text(PROGRAM)
    (tmp_path / "wheels").mkdir()
    require(tmp_path, "1")
    return folder


def require(tmp_path: Path, version: str) -> None:
    """Make the wheel in this version and pin it."""
    wheel = tmp_path / "wheels" / f"tiny-{version}-py3-none-any.whl"
    files = {
        "tiny.py": f"VERSION = 'tiny {version}'\n",
        f"tiny-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"tiny-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
            archive.writestr(name, text)
        archive.writestr(f"tiny-{version}.dist-info/RECORD", record)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pins = f"tiny=={version} --hash=sha256:{digest}\n"
    (tmp_path / "checkout" / "requirements.txt").write_text(pins)


def begin(checkout: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(checkout.parent / "home"),
        "TMPDIR": str(checkout.parent),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(checkout.parent / "wheels"),
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, *options, str(checkout / "entrypoint.py"), "a", "b"],
        env={name: text for name, text in environment.items() if text},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )


def run(checkout: Path, *options: str, **variables: str) -> tuple[int, str, str]:
    process = begin(checkout, *options, **variables)
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


def environments(checkout: Path) -> list[Path]:
    return sorted((checkout.parent / "home/.cache/ci-builder").glob("packages-*"))


def test_set_up_once_then_at_once(checkout: Path) -> None:
    code, out, said = run(checkout)
    assert (code, out) == (3, "tiny 1 ['a', 'b']\n"), said
    assert "setting up its own environment, once" in said
    code, out, said = run(checkout, PIP_FIND_LINKS="/nowhere")
    assert (code, out, said) == (3, "tiny 1 ['a', 'b']\n", "")
    assert len(environments(checkout)) == 1


def test_the_interpreters_own_packages_are_not_seen(checkout: Path) -> None:
    """requests imports chardet where it finds it, and urllib3 other things, in whatever version."""
    code, _, said = run(checkout)
    assert code == 3, said
    # The interpreter that runs this has pytest.
    looks = "import importlib.util\nVERSION = importlib.util.find_spec('pytest')\n"
    for folder in environments(checkout):
        (folder / "tiny.py").write_text(looks)
    assert run(checkout)[1] == "None ['a', 'b']\n"


def test_changed_requirements_get_a_new_environment(checkout: Path) -> None:
    run(checkout)
    require(checkout.parent, "2")
    assert run(checkout)[1] == "tiny 2 ['a', 'b']\n"
    assert len(environments(checkout)) == 2


def test_two_at_once(checkout: Path) -> None:
    both = [begin(checkout), begin(checkout)]
    ends = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in ends] == ["tiny 1 ['a', 'b']\n"] * 2
    assert sum("setting up" in said for _, said in ends) == 1


def test_one_that_was_interrupted_is_repaired(checkout: Path) -> None:
    home = checkout.parent / "home/.cache/ci-builder"
    left = home / "unfinished-x" / "packages"
    left.mkdir(parents=True)
    (left / "tiny.py").write_text("VERSION = 'half'")
    assert run(checkout)[1] == "tiny 1 ['a', 'b']\n"
    assert sorted(path.name for path in home.iterdir() if path.name.startswith("unf")) == []


def leave_unfinished(checkout: Path) -> Path:
    left = checkout.parent / "home/.cache/ci-builder/unfinished-x"
    (left / "packages").mkdir(parents=True)
    return left


def test_what_was_left_goes_also_where_the_environment_is_there(checkout: Path) -> None:
    run(checkout)
    left = leave_unfinished(checkout)
    assert run(checkout) == (3, "tiny 1 ['a', 'b']\n", "")
    assert not left.exists()


def test_what_another_set_up_is_at_stays(checkout: Path) -> None:
    run(checkout)
    left = leave_unfinished(checkout)
    with (left.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(checkout) == (3, "tiny 1 ['a', 'b']\n", "")
    assert left.exists()


@pytest.fixture
def slow_pip(checkout: Path) -> Path:
    """A pip beside the program that tells its process and that of a child, and does not end."""
    told = checkout.parent / "processes"
    (checkout / "slow").mkdir()
    (checkout / "slow" / "pip.py").write_text(
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(told) + '.new'!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(told) + '.new'!r}, {str(told)!r})\n"
        "child.wait()\n"
    )
    return told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_the_set_up_leaves_nothing(
    checkout: Path, slow_pip: Path, number: signal.Signals
) -> None:
    process = begin(checkout, PYTHONPATH=str(checkout / "slow"))
    processes = [int(word) for word in wait_for(slow_pip).split()]
    process.send_signal(number)
    out, said = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, ""), said
    assert f"error: stopped by {number.name}\n" in said
    assert "Traceback" not in said
    assert [name.name for name in (checkout.parent / "home/.cache/ci-builder").iterdir()] == ["lock"]
    assert not any(is_running(pid) for pid in processes)
    assert run(checkout)[1] == "tiny 1 ['a', 'b']\n"


def test_a_signal_while_another_set_up_is_waited_for(checkout: Path) -> None:
    home = checkout.parent / "home/.cache/ci-builder"
    home.mkdir(parents=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = begin(checkout)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_it_imports(checkout: Path, number: signal.Signals) -> None:
    for folder, name in ((checkout, "importlib.py"), (checkout / "ci_builder/cli", "main.py")):
        # In many short sleeps: a signal just before one is handled after it.
        waits = "import time\nprint('importing', flush=True)\nfor _ in range(600):\n    time.sleep(0.1)\n"
        (folder / name).write_text(waits)
        if name == "main.py":
            (checkout / "importlib.py").unlink()
        process = begin(checkout)
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 128 + number
        assert said.endswith(f"error: stopped by {number.name}\n")


def test_streams_that_are_closed_or_full(checkout: Path) -> None:
    command = f"{sys.executable} {checkout}/entrypoint.py"
    for redirection in ("2>&-", "2>/dev/full", "<&- 2>&-"):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(checkout.parent / "home"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(checkout.parent / "wheels"),
        }
        shutil.rmtree(checkout.parent / "home", ignore_errors=True)
        done = subprocess.run(
            ["sh", "-c", f"{command} {redirection}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (3, "tiny 1 []\n", "")


def wait_for(path: Path) -> str:
    for _ in range(600):
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_killed_set_up_leaves_nothing_that_counts(checkout: Path) -> None:
    process = begin(checkout)
    assert process.stderr is not None
    process.stderr.readline()
    process.kill()
    process.communicate()
    assert environments(checkout) == []
    assert run(checkout)[1] == "tiny 1 ['a', 'b']\n"


def test_a_wheel_with_another_hash_is_refused(checkout: Path) -> None:
    wheel = next((checkout.parent / "wheels").iterdir())
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("evil.py", "")
    code, out, said = run(checkout)
    assert (code, out) == (1, "")
    assert "DO NOT MATCH THE HASHES" in said
    assert "hint: the index serves other files" in said
    assert environments(checkout) == []


def test_no_package_index(checkout: Path) -> None:
    code, _, said = run(
        checkout,
        PIP_NO_INDEX="",
        PIP_FIND_LINKS="",
        PIP_INDEX_URL="http://127.0.0.1:1/simple",
        PIP_RETRIES="0",
    )
    assert code == 1
    assert "hint: the package index cannot be reached" in said
    assert "Traceback" not in said


def test_settings_of_pip_for_other_places_do_not_disturb(checkout: Path) -> None:
    variables = {
        "PIP_USER": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": "/nowhere",
        "PIP_PREFIX": "/nowhere",
    }
    assert run(checkout, **variables)[1] == "tiny 1 ['a', 'b']\n"


@pytest.mark.parametrize("options", [("-I",), ("-P",)])
def test_where_python_looks_into_no_scripts_folder(checkout: Path, options: tuple[str, ...]) -> None:
    if sys.version_info < (3, 11) and "-P" in options:
        pytest.skip("an option of Python 3.11")
    code, out, said = run(checkout, *options)
    assert (code, out) == (3, "tiny 1 ['a', 'b']\n"), said


def test_a_folder_that_cannot_be_locked(checkout: Path) -> None:
    (checkout.parent / "home/.cache/ci-builder/lock").mkdir(parents=True)
    code, _, said = run(checkout)
    assert code == 1
    assert "the environment cannot be made" in said
    assert "hint: choose another folder with CI_BUILDER_HOME=/path" in said


def test_a_file_of_the_checkout_alone(checkout: Path) -> None:
    (checkout / "requirements.txt").unlink()
    code, _, said = run(checkout)
    assert code == 1
    assert "requirements.txt: No such file or directory" in said
    assert "hint: take the whole repository" in said


def test_chosen_home(checkout: Path, tmp_path: Path) -> None:
    code, _, said = run(checkout, CI_BUILDER_HOME=str(tmp_path / "chosen"))
    assert code == 3, said
    assert list((tmp_path / "chosen/environments").glob("packages-*"))


def test_a_home_that_cannot_be_written(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, said = run(checkout, CI_BUILDER_HOME=str(tmp_path / "file"))
    assert code == 1
    assert "error: there is no folder for the environment" in said
    assert "CI_BUILDER_HOME" in said


def test_without_a_home_a_private_temporary_folder(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, said = run(checkout, HOME=str(tmp_path / "file"))
    assert code == 3, said
    folder = tmp_path / f"ci-builder-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.glob("packages-*"))


def test_a_temporary_folder_that_others_may_write_is_not_used(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shared = tmp_path / f"ci-builder-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    code, _, said = run(checkout, HOME=str(tmp_path / "file"))
    assert code == 1
    assert "there is no folder for the environment" in said


def test_without_pip_a_fresh_one_comes_from_ensurepip(checkout: Path) -> None:
    pytest.importorskip("ensurepip")
    code, out, said = run(checkout, "-S", "-E")
    assert (code, out) == (3, "tiny 1 ['a', 'b']\n"), said


def test_without_pip_and_ensurepip(checkout: Path) -> None:
    (checkout / "ensurepip.py").write_text("raise ImportError")
    blocked = "import importlib.util, runpy, sys\nimportlib.util.find_spec = lambda name: None\n"
    starter = checkout.parent / "starter.py"
    starter.write_text(
        blocked + f"runpy.run_path({str(checkout / 'entrypoint.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, str(starter)],
        env={"PATH": os.environ["PATH"], "HOME": str(checkout.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: this Python has neither pip nor ensurepip" in done.stderr
    assert "apt-get install python3-pip" in done.stderr


def test_it_reads_on_old_pythons() -> None:
    """Whatever a Python 3.6 cannot parse would hide the message that it is too old."""
    ast.parse((ROOT / "entrypoint.py").read_text(), feature_version=(3, 6))


def test_the_pins_are_complete() -> None:
    """Every requirement has hashes, and no index or place of wheels is written down."""
    for name in ("requirements.txt", "requirements-test.txt"):
        text = (ROOT / name).read_text()
        entries = text.replace("\\\n", " ").splitlines()
        pinned = [line for line in entries if line and not line.lstrip().startswith("#")]
        assert pinned
        assert all("==" in line and "--hash=sha256:" in line for line in pinned)
        assert "://" not in text
        assert "--find-links" not in text
