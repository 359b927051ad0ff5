#!/usr/bin/env python3
"""The command line on a bare Python: makes its own environment once, then runs ci_builder.cli.

Needs Python 3.10 or newer and pip (or ensurepip), nothing else. The dependencies of requirements.txt are
installed with their hashes into a folder of their own, found again by the hash of that file and the
interpreter's binary interface: $CI_BUILDER_HOME/environments, else $XDG_CACHE_HOME/ci-builder, else
~/.cache/ci-builder, else a private folder below the temporary folder. A second start finds the folder and
goes straight on. Nothing outside that folder is written, and pip's own settings (index, proxy,
certificates) count as always.
"""

# ruff: noqa: E402 (a signal during the imports is handled as well)
# No annotations of later Pythons and no "from __future__" here: an old Python must reach its message.
import contextlib
import os
import signal
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def tell(text: str) -> None:
    """Lines for people, on standard error if that takes them."""
    with contextlib.suppress(OSError):
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))


def stop(number: int, frame: object) -> None:
    """What a signal does while there is nothing to clean up."""
    tell("error: stopped by " + signal.Signals(number).name)
    os._exit(128 + number)


def handle_signals(handler: "typing.Callable[[int, object], None]") -> None:
    """Have ``handler`` called; what is ignored (nohup) stays so."""
    for signal_number in SIGNALS:
        if signal.getsignal(signal_number) is not signal.SIG_IGN:
            signal.signal(signal_number, handler)


if __name__ == "__main__":
    # Before everything else: imports take most of a start.
    handle_signals(stop)

import importlib.machinery
import importlib.util

# What only the set-up needs is imported by its functions: every start pays for what stands here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing

HERE = os.path.dirname(os.path.realpath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
OLDEST = (3, 10)
# Seconds between two looks at whether a signal has arrived.
PAUSE = 0.1

UNREACHABLE = "the package index cannot be reached: check the network, PIP_INDEX_URL and HTTPS_PROXY"

# What pip says, and what to do about it; the first that fits counts.
ADVICE = (
    ("certificate_verify_failed", "name the CA bundle of your proxy or index: PIP_CERT=/path/bundle.crt"),
    ("do not match the hashes", "the index serves other files than those that requirements.txt pins"),
    ("no space left", "free some space, or choose another disk with CI_BUILDER_HOME=/path"),
    ("permission denied", "choose a folder that is writable with CI_BUILDER_HOME=/path"),
    ("connection", UNREACHABLE),
    ("name resolution", UNREACHABLE),
    ("timed out", UNREACHABLE),
    ("from versions: none", UNREACHABLE + ", or it has no wheel for this Python and machine"),
    ("no matching distribution", "the package index lacks what requirements.txt pins"),
)


class SetUpFailed(Exception):
    """The environment cannot be made; the message says why and what to do."""


class Stopped(Exception):
    """A signal arrived during the set-up; its number."""


class Stops:
    """Notes the first signal for whoever asks, so that nothing is interrupted at an odd place."""

    def __init__(self) -> None:
        self.arrived = 0

    def __call__(self, number: int, frame: object) -> None:
        """Called for a signal; the second one ends the process at once."""
        if self.arrived:
            stop(number, frame)
        self.arrived = number

    def check(self) -> None:
        """Raises Stopped when a signal has arrived."""
        if self.arrived:
            raise Stopped(self.arrived)


def main() -> int:
    """Set up if needed, then hand over to the command line. Returns the exit code."""
    if sys.version_info[:2] < OLDEST:
        return fail(
            "ci_builder needs Python {}.{} or newer, and this is {}".format(*OLDEST, sys.version.split()[0]),
            "run it with a newer one, such as: python3.12 entrypoint.py",
        )
    fill_gaps()
    stops = Stops()
    handle_signals(stops)
    try:
        packages = environment(stops)
        handle_signals(stop)
        stops.check()
    except SetUpFailed as error:
        return fail(*error.args)
    except Stopped as stopped:
        number = int(stopped.args[0])
        fail("stopped by " + signal.Signals(number).name, "the next start begins the set-up anew")
        return 128 + number
    # Without the interpreter's own packages: of some it is enough that they are there to be imported.
    others = ("site-packages", "dist-packages")
    own = [path for path in sys.path if path != HERE and not path.endswith(others)]
    sys.path[:] = [HERE, packages, *own]
    from ci_builder.cli.main import console

    return console()


def fill_gaps() -> None:
    """Put the null device where a standard stream is closed, so that no other file gets its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def fail(message: str, hint: str = "") -> int:
    """Say what went wrong on standard error. Returns exit code 1."""
    tell("error: " + message)
    if hint:
        tell("hint: " + hint)
    return 1


def environment(stops: Stops) -> str:
    """The folder with the dependencies, made when it is not there. Raises SetUpFailed, Stopped."""
    key = environment_key()
    tried = []
    for home in homes():
        folder = os.path.join(home, key)
        if os.path.isdir(folder):
            remove_unfinished(home)
            return folder
        import tempfile

        try:
            os.makedirs(home, mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=home):
                pass
        except OSError as error:
            tried.append(f"{home}: {error.strerror}")
            continue
        try:
            return make_once(home, folder, stops)
        except OSError as error:
            raise SetUpFailed(
                f"the environment cannot be made in {home}: {error.strerror}: {error.filename}",
                "choose another folder with CI_BUILDER_HOME=/path",
            ) from error
    reasons = "".join("\n  " + reason for reason in tried)
    raise SetUpFailed(
        "there is no folder for the environment" + reasons,
        "choose one that is writable with CI_BUILDER_HOME=/path",
    )


def environment_key() -> str:
    """A name for what is installed: it changes with requirements.txt and with the binary interface. Raises
    SetUpFailed."""
    try:
        with open(REQUIREMENTS, "rb") as file:
            content = file.read()
    except OSError as error:
        raise SetUpFailed(
            f"{REQUIREMENTS}: {error.strerror}", "take the whole repository, not single files of it"
        ) from error
    abi = importlib.machinery.EXTENSION_SUFFIXES[0].encode()
    # Not hashlib, which loads a library for cryptography: who can change that file can change this one.
    return "packages-" + importlib.util.source_hash(content + b"\0" + abi).hex()


def homes() -> "typing.Iterator[str]":
    """Folders that may hold the environment, the best one first."""
    chosen = os.environ.get("CI_BUILDER_HOME")
    if chosen:
        yield os.path.join(os.path.abspath(chosen), "environments")
        return
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(cache):
        yield os.path.join(cache, "ci-builder")
    home = os.path.expanduser("~")
    if os.path.isabs(home):
        yield os.path.join(home, ".cache", "ci-builder")
    yield from private_temporary()


def private_temporary() -> "list[str]":
    """A folder below the temporary one that is this user's alone, or none where somebody else took it."""
    import stat
    import tempfile

    path = os.path.join(tempfile.gettempdir(), f"ci-builder-{os.getuid()}")
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return []
    status = os.lstat(path)
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    return [path] if mine else []


def unfinished(home: str) -> "list[str]":
    """What set-ups left that did not come to their end, or are under way."""
    try:
        return [os.path.join(home, name) for name in os.listdir(home) if name.startswith("unfinished-")]
    except OSError:
        return []


def remove_unfinished(home: str) -> None:
    """Remove what set-ups left that were killed; not while one is under way."""
    if not unfinished(home):
        return
    import fcntl
    import shutil

    try:
        with open(os.path.join(home, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in unfinished(home):
                shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass  # Under way, or not ours to write.


def take(lock: "typing.IO[str]", stops: Stops) -> None:
    """Wait until the lock is ours. Raises Stopped."""
    import fcntl
    import time

    while True:
        stops.check()
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)


def make_once(home: str, folder: str, stops: Stops) -> str:
    """Install into ``folder``, one process at a time. It appears whole or not at all."""
    import shutil
    import tempfile
    import time

    with open(os.path.join(home, "lock"), "w") as lock:
        take(lock, stops)
        # Whoever holds the lock is alone: what lies about comes from a set-up that was killed.
        for path in unfinished(home):
            shutil.rmtree(path, ignore_errors=True)
        if os.path.isdir(folder):
            return folder
        begin = time.monotonic()
        say("setting up its own environment, once, in " + home)
        staging = tempfile.mkdtemp(prefix="unfinished-", dir=home)
        try:
            install(staging, stops)
            os.rename(os.path.join(staging, "packages"), folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        say(f"ready after {time.monotonic() - begin:.1f} s")
    return folder


def install(staging: str, stops: Stops) -> None:
    """Install requirements.txt into the folder ``packages`` of ``staging``. Raises SetUpFailed, Stopped."""
    command = [
        *find_pip(staging, stops),
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary=:all:",
        "--target",
        os.path.join(staging, "packages"),
        "--requirement",
        REQUIREMENTS,
    ]
    # A user's settings for the index, proxies and certificates count; those for another place to install
    # into would contradict --target.
    settings = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", TMPDIR=staging)
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        settings.pop(name, None)
    code, said = run(command, settings, stops)
    if code:
        lowered = said.lower()
        hint = next((advice for sign, advice in ADVICE if sign in lowered), "")
        raise SetUpFailed("pip could not install the dependencies:\n" + last_lines(said), hint)


def find_pip(staging: str, stops: Stops) -> "list[str]":
    """The command that is pip: this Python's own, or a fresh one from ensurepip. Raises SetUpFailed,
    Stopped."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    venv = os.path.join(staging, "venv")
    said = ""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        code, said = run([sys.executable, "-m", "venv", venv], dict(os.environ), stops)
        if not code:
            return [os.path.join(venv, "bin", "python"), "-m", "pip"]
    raise SetUpFailed(
        "this Python has neither pip nor ensurepip" + ("\n" + last_lines(said) if said else ""),
        "on Debian and Ubuntu: apt-get install python3-pip (or python3-venv)",
    )


def run(command: "list[str]", settings: "dict[str, str]", stops: Stops) -> "tuple[int, str]":
    """Run a program to its end. Returns its exit code and everything that it said. Raises SetUpFailed;
    Stopped, when it and whatever it started have ended."""
    import subprocess

    try:
        process = subprocess.Popen(
            command,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise SetUpFailed(f"{command[0]} cannot be run: {error.strerror}") from error
    with process:
        while True:
            try:
                stops.check()
                said, _ = process.communicate(timeout=PAUSE)
            except subprocess.TimeoutExpired:
                continue
            except Stopped:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            return process.returncode, said.decode("utf-8", "replace")


def last_lines(text: str) -> str:
    """The end of what a program said, indented."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join("  " + line for line in lines[-8:])


def say(text: str) -> None:
    """One line for people, on standard error."""
    tell("ci_builder: " + text)


if __name__ == "__main__":
    sys.exit(main())
