"""The surroundings that the checks run in, each a way to start ``run_checks`` as a process.

The interpreter, its libraries and this checkout are bound to places that every user can reach.
"""

from __future__ import annotations

import io
import json
import os
import pwd
import re
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers.dockerd import Docker

SECRET = "the-builders-own-secret"
_CHECKOUT = Path(__file__).resolve().parents[3]
_PYTHON = Path(sys.base_prefix)
_SITE = Path(sysconfig.get_paths()["purelib"])
_USER = "ci-builder-test"
_BUSYBOX = "/bin/busybox"
_MODULE = "tests.contracts.executors.run_checks"


@dataclass(frozen=True)
class Outcome:
    """``failures`` of each check, empty text for one that passed; ``output`` is all that was printed."""

    failures: dict[str, str]
    output: str


def on_this_machine(executor: str, folder: Path) -> Outcome:
    """As the user who runs the tests."""
    command = [sys.executable, "-m", _MODULE, executor, str(folder / "state"), _BUSYBOX]
    return _run(_from_a_shell(command), _environment(str(_CHECKOUT)))


def as_ordinary_user(executor: str, folder: Path, *, ranges: bool) -> Outcome:
    """As an ordinary user with, or without, subordinate ids. Needs root to become it."""
    _make_user()
    for place in (*folder.parents, folder):
        # pytest's folders are private to the user who runs it.
        if place.owner() == "root" and place.is_relative_to("/tmp") and place != Path("/tmp"):
            place.chmod(place.stat().st_mode | 0o011)
    bound = {name: folder / name for name in ("python", "site", "src")}
    home = folder / "home"
    for place in (*bound.values(), home):
        place.mkdir()
    os.chown(home, pwd.getpwnam(_USER).pw_uid, pwd.getpwnam(_USER).pw_gid)
    binds = zip((_PYTHON, _SITE, _CHECKOUT), bound.values(), strict=True)
    script = "".join(f"mount --bind {source} {target}\n" for source, target in binds)
    if not ranges:
        script += "mount --bind /dev/null /etc/subuid\n"
    script += f'cd {bound["src"]}\nexec setpriv --reuid={_USER} --regid={_USER} --init-groups "$@"'
    inside = [f"{bound['python']}/bin/{Path(sys.executable).resolve().name}", "-m", _MODULE]
    inside += [executor, str(home / "state"), _BUSYBOX]
    command = ["unshare", "--mount", "sh", "-ec", script, "sh", *_from_a_shell(inside)]
    return _run(command, _environment(f"{bound['src']}:{bound['site']}", f"{bound['python']}/lib"))


def in_container(docker: Docker, image: str, executor: str, flags: tuple[str, ...]) -> Outcome:
    """In a container started with ``flags``."""
    # Not where the tests' image has it: in place, something mounted there would stand in its way.
    return _outcome(run_module(docker, image, (_MODULE, executor, "/tmp/state", "/opt/busybox"), flags))


def run_module(
    docker: Docker, image: str, words: tuple[str, ...], flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run a module of this checkout with its arguments in a container started with ``flags``."""
    inside = [f"/opt/python/bin/{Path(sys.executable).resolve().name}", "-m", *words]
    environment = _environment("/opt/src:/opt/site", "/opt/python/lib")
    arguments = ["run", "--rm", "--network", "host", "--workdir", "/opt/src", *flags]
    for source, target in ((_PYTHON, "python"), (_SITE, "site"), (_CHECKOUT, "src")):
        arguments += ["--volume", f"{source}:/opt/{target}:ro"]
    arguments += ["--volume", f"{_BUSYBOX}:/opt/busybox:ro"]
    for name, value in environment.items():
        arguments += ["--env", f"{name}={value}"]
    return docker.run(*arguments, image, *_from_a_shell(inside), timeout=300)


def make_image(docker: Docker) -> str:
    """An image of busybox and the libraries that the interpreter and its extensions need."""
    binaries = [Path(sys.executable).resolve(), *_PYTHON.rglob("*.so"), *_SITE.rglob("*.so")]
    found = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    libraries = {
        word for word in re.findall(r"(/\S+\.so\S*)", found.stdout) if word.startswith(("/lib", "/usr/lib"))
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in ("bin", "etc", "root", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for library in sorted(path for path in libraries if not path.endswith(":")):
            tar.add(os.path.realpath(library), library.removeprefix("/usr").lstrip("/"))
        tar.add(_BUSYBOX, "bin/busybox")
        for applet in ("sh", "true"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    docker("import", "-", "executor-checks", stdin=stream.getvalue())
    return "executor-checks"


def _make_user() -> None:
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        subprocess.run(["useradd", "--create-home", _USER], check=True, capture_output=True)


def _from_a_shell(command: list[str]) -> list[str]:
    """Behind a shell that has the builder's environment too, and stays (as a CI's script does)."""
    return ["sh", "-c", '"$@"; true', "sh", *command]


def _environment(python_path: str, libraries: str = "") -> dict[str, str]:
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": python_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "SECRET_OF_THE_BUILDER": SECRET,
    }
    return environment | ({"LD_LIBRARY_PATH": libraries} if libraries else {})


def _run(command: list[str], environment: dict[str, str]) -> Outcome:
    done = subprocess.run(
        command,
        cwd=_CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return _outcome(done)


def _outcome(done: subprocess.CompletedProcess[bytes]) -> Outcome:
    text = done.stdout.decode("utf-8", "replace")
    failures = {}
    for line in text.splitlines():
        if line.startswith("{"):
            value = json.loads(line)
            failures[value["check"]] = value["failure"]
    return Outcome(failures, text + done.stderr.decode("utf-8", "replace"))
