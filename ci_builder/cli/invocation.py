"""What one start of the program was given: the only place where the process is looked at."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

from ci_builder.cli.streams import Log, binary_streams
from ci_builder.errors import OutputError
from ci_builder.executors.disposable import MARKER, PRIVATE_FOLDER
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Invocation:
    """``program`` is the name that the user called; ``stdout`` takes results, ``stderr`` everything else."""

    program: str
    environment: Mapping[str, str] = field(repr=False)
    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO

    def answer(self, text: str) -> None:
        """One line of the result, on standard output. Raises OutputError, BrokenPipeError."""
        try:
            self.stdout.write(text.encode("utf-8", "surrogateescape") + b"\n")
            self.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from error

    def say(self, text: str) -> None:
        """One line for people, on standard error."""
        print(text, file=self.stderr, flush=True)


def this_process() -> Invocation:
    """The Invocation that the operating system gave."""
    program = os.path.basename(sys.argv[0]) or "ci-builder"
    return Invocation(program, dict(os.environ), *binary_streams(), Log())


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where the embedded store is: in CI_BUILDER_HOME, else XDG_DATA_HOME, else ~/.local/share, else the
    temporary folder for a user without a home. Raises OutputError for one that is somebody else's."""
    if environment.get("CI_BUILDER_HOME"):
        return Path(environment["CI_BUILDER_HOME"]).absolute()
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path(environment.get("HOME", "")) / ".local" / "share"
    if data.is_absolute() and _may_be_made(data):
        return data / "ci-builder"
    return _checked(_own_temporary(environment))


@contextlib.contextmanager
def kept_data_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """The same for somebody who writes to it: in the temporary folder it is made now, for this user alone,
    and nobody can put another one there. It goes if it stays empty. Raises OutputError."""
    folder = data_folder(environment)
    if folder != _own_temporary(environment):
        yield folder
        return
    with contextlib.suppress(OSError):
        folder.mkdir(0o700)
    try:
        yield _checked(folder)
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _own_temporary(environment: Mapping[str, str]) -> Path:
    return temporary_folder(environment) / f"ci-builder-{os.getuid()}"


def _checked(folder: Path) -> Path:
    """``folder``, if it is not there yet or this user's alone: where everybody may write, everybody may have
    made it. Raises OutputError."""
    try:
        found = folder.lstat()
    except OSError:
        return folder  # not there, or told by whoever needs it
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
        return folder
    hint = "name another folder with CI_BUILDER_HOME"
    raise OutputError(f"{folder} is not this user's alone: others may write to it", hint=hint)


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Where private folders are made: in the builder image its own one, which survives a build in place,
    where it can be written; else the CI's, else the system's. Raises OutputError where there is none."""
    own = Path(PRIVATE_FOLDER) / "tmp"
    if os.path.isfile(MARKER) and os.access(own, os.W_OK | os.X_OK):
        return own
    for name in ("RUNNER_TEMP", "WORKSPACE_TMP"):
        folder = environment.get(name, "")
        if os.path.isabs(folder) and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    try:
        found = Path(tempfile.gettempdir())
        # Python's last resort, and most often the build context: beside it is better.
        beside = found == Path.cwd() and os.access(found.parent, os.W_OK | os.X_OK)
        return found.parent if beside and str(found) != environment.get("TMPDIR") else found
    except OSError as error:
        hint = "mount a writable volume there, or set TMPDIR to one"
        raise OutputError(f"there is no folder for temporary files: {error.strerror}", hint=hint) from error


def folders_elsewhere(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where programs may be started from when they cannot from the temporary folder, best first: what TMPDIR
    names where something else came before it, the system's folder that lasts, the store's, the home."""
    named = (environment.get("TMPDIR", ""), "/var/tmp", environment.get("HOME", ""))
    tmpdir, lasting, home = (Path(text) if os.path.isabs(text) else None for text in named)
    data = None
    with contextlib.suppress(OutputError):
        data = data_folder(environment)
    folders = (tmpdir, lasting, data, home)
    return tuple(folder for folder in folders if folder is not None)


def _may_be_made(folder: Path) -> bool:
    # Not Path.exists, which fails where somebody may not even look.
    while not os.path.exists(folder):
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)
