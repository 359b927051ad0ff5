"""The contract between a CI system's adapter and the command ``ci``: values in, values out.

An adapter touches nothing: what it may know comes in a ``Situation``, what it wants printed or
written goes out in a ``Reading`` or a ``Report``. The command line does, in this order::

    adapter = detect(environment)
    situation = observe(environment, directory)
    reading = adapter.read(situation)            # UsageError: report(situation, NOTHING_READ, error)
    remove the files reading.stale
    print reading.lines, then reading.opening    # masks come before anything else
    ... the build of reading.request, its log masked by reading.masks ...
    report = adapter.report(situation, reading, result or error, warnings)
    print report.lines; carry out report.files
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice
from ci_builder.request import Request, Result
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class GitFacts:
    """What the repository in the working directory tells; each empty if it does not know.

    ``tag`` is one that points at HEAD exactly; ``branch`` the one that is checked out (empty with a
    detached HEAD); ``url`` the remote ``origin`` without credentials.
    """

    revision: str = ""
    tag: str = ""
    branch: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that an adapter may look at.

    environment   the process's variables
    git           asks the repository; called only where the environment lacks a fact
    event         the JSON object in the file of this path (GitHub's event); empty if unreadable
    token         a random word, the same for the whole run, that no RUN command can guess
    clock         seconds since the epoch
    """

    environment: Mapping[str, str] = field(repr=False)
    git: Callable[[], GitFacts]
    event: Callable[[str], Mapping[str, object]]
    token: str
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the environment asks for.

    request   the build
    masks     every secret that was read, also in the forms in which it travels (base64 of user:password);
              no line of the log may show one
    lines     to print at once: the CI's own commands that mask the secrets, and warnings
    opening   to print right before the build (a collapsible group); ``Adapter.report`` closes it
    debug     the user asked the CI for a verbose log
    stale     files that a report writes anew: those of a former build are no part of this one's context
    """

    request: Request
    masks: tuple[str, ...] = field(default=(), repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)
    opening: tuple[str, ...] = ()
    debug: bool = False
    stale: tuple[Path, ...] = ()


NOTHING_READ = Reading(request=Request())
"""The reading of an environment that could not be read."""


@dataclass(frozen=True, slots=True)
class FileWrite:
    """Text for a file of the CI. The writer makes no folder, and only warns if it cannot write."""

    path: Path
    text: str
    append: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What to tell the CI: lines for the log (already escaped), then files to write."""

    lines: tuple[str, ...] = ()
    files: tuple[FileWrite, ...] = ()


class Adapter(Protocol):
    """One CI system. Pure: no file, no network, no environment but the situation's."""

    @property
    def name(self) -> str:
        """``github``, ``gitlab``, ``jenkins`` or ``generic``."""

    def matches(self, environment: Mapping[str, str]) -> bool:
        """Whether these variables are those of a job of this system."""

    def read(self, situation: Situation) -> Reading:
        """The build that the job asks for.

        Raises UsageError for a wrong input, Unsupported for one that this version does not do.
        """

    def report(
        self,
        situation: Situation,
        reading: Reading,
        outcome: Result | CiBuilderError,
        warnings: tuple[Notice, ...] = (),
    ) -> Report:
        """How the system is told what came of it. ``warnings`` have a file and a line."""
