"""entrypoint.py on a Python that has pip and nothing else: a copy of it beside a tiny program, and a wheel
made here instead of a package index."""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
