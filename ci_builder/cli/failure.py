"""How an error looks on the terminal."""

from __future__ import annotations

import errno
import traceback

from ci_builder.cli.invocation import Invocation
from ci_builder.cli.masking import NO_SECRETS, Secrets
from ci_builder.cli.rendering.text import plain
from ci_builder.errors import CiBuilderError

# What the place where it runs forbids or lacks is no mistake in this program.
_SURROUNDINGS = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
    )
)
_CI_COMMANDS = ("::", "##[", "##vso[", "##teamcity[")


class InternalError(CiBuilderError):
    """A mistake in this program: an exception that nobody expected."""

    exit_code = 70


def unexpected_error(error: Exception) -> CiBuilderError:
    """What to tell of an exception that nobody expected: its text may hold anything, so it stays inside."""
    if isinstance(error, MemoryError):
        hint = "give it more: the job's memory limit, ulimit -v, ulimit -d"
        return _caused(CiBuilderError("there is no memory left", hint=hint), error)
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        hint = "allow more processes or more memory: the job's limits, --pids-limit, ulimit -u, ulimit -v"
        return _caused(CiBuilderError("no more threads can be started", hint=hint), error)
    if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
        where = f"{error.filename}: " if error.filename else ""
        hint = "run it again with --debug for the place where it was needed"
        return _caused(CiBuilderError(f"{where}{error.strerror}", hint=hint), error)
    wrapped = InternalError(
        f"internal error: {type(error).__name__}",
        hint="run it again with --debug for the trace, and report it",
    )
    return _caused(wrapped, error)


def _caused(told: CiBuilderError, error: Exception) -> CiBuilderError:
    told.__cause__ = error
    return told


def show_error(
    error: CiBuilderError, invocation: Invocation, secrets: Secrets = NO_SECRETS, *, debug: bool = False
) -> int:
    """Print ``error:`` and ``hint:`` lines, with ``debug`` the trace before them. Returns the exit code."""
    texts = ["".join(traceback.format_exception(error)).rstrip()] if debug else []
    texts.append(f"error: {error}")
    texts += [f"hint: {error.hint}"] if error.hint else []
    for text in texts:
        for line in secrets.hide(text).splitlines():
            invocation.say(harmless(line))
    return error.exit_code


def harmless(line: str) -> str:
    """A line that may quote a command's output, unable to command the terminal or the CI that reads it."""
    shown = plain(line)
    return f"| {shown}" if shown.lstrip().startswith(_CI_COMMANDS) else shown
