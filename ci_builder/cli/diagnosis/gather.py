"""Asking every floor for its facts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ci_builder import __version__
from ci_builder.build.advice import Grounds, advise
from ci_builder.build.examination import Examination, examine
from ci_builder.ci.choose import detect
from ci_builder.ci.interface import NOTHING_READ, Reading
from ci_builder.ci.observe import observe
from ci_builder.cli.diagnosis.keys import answering
from ci_builder.cli.diagnosis.report import Credentials, Job, Report
from ci_builder.cli.invocation import Invocation, data_folder, folders_elsewhere, temporary_folder
from ci_builder.cli.masking import Secrets, login_secrets, url_secrets
from ci_builder.errors import CiBuilderError, OutputError
from ci_builder.executors.private_folder import passing_folder
from ci_builder.executors.surroundings.attempts import Permitted, try_everything
from ci_builder.executors.surroundings.disk import Room, room
from ci_builder.executors.surroundings.limits import limits
from ci_builder.executors.surroundings.mounts import container
from ci_builder.executors.surroundings.process import standing
from ci_builder.registry.credentials import Credentials as Known
from ci_builder.registry.credentials import load
from ci_builder.registry.proxies import proxy_variables

_NO_CI = "generic"


def gather(invocation: Invocation) -> Report:
    """Look at everything, try everything. Raises OutputError when nothing can be written."""
    environment = invocation.environment
    temporary = temporary_folder(environment)
    # First what needs a process of one thread.
    # A build's context is asked for its neighbour: here the working directory stands for it.
    elsewhere = (*folders_elsewhere(environment), Path.cwd().parent)
    permitted, examination = _tried(temporary, elsewhere)
    rooms = _rooms(temporary, environment)
    here, around = standing(), container()
    grounds = Grounds(examination, here, permitted, around.evidence.marker)
    job, credentials = credentials_of(environment)
    return Report(
        version=__version__,
        standing=here,
        permitted=permitted,
        container=around,
        rooms=rooms,
        limits=limits(),
        proxies=proxy_variables(environment),
        credentials=credentials,
        job=job,
        examination=examination,
        advice=advise(grounds),
    )


def _tried(temporary: Path, elsewhere: tuple[Path, ...]) -> tuple[Permitted, Examination]:
    with _private_folder(temporary) as folder:
        for name in ("attempts", "executors"):
            (folder / name).mkdir()
        return try_everything(folder / "attempts"), examine(folder / "executors", elsewhere)


@contextlib.contextmanager
def _private_folder(parent: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        try:
            # What a test that was killed left behind may belong to ids of its namespace.
            folder = stack.enter_context(passing_folder(parent, "ci-builder-doctor-", may_stay=True))
        except OSError as error:
            hint = "set TMPDIR to a folder that can be written"
            raise OutputError(f"cannot make a folder in {parent}: {error.strerror}", hint=hint) from error
        try:
            yield folder
        except OSError as error:
            raise OutputError(f"{error.filename or parent}: {error.strerror}") from error


def _rooms(temporary: Path, environment: Mapping[str, str]) -> tuple[tuple[str, Room], ...]:
    found = [("temporary", room(temporary)), ("store", room(data_folder(environment)))]
    if environment.get("HOME"):
        found.append(("home", room(Path(environment["HOME"]))))
    return tuple(found)


def credentials_of(environment: Mapping[str, str]) -> tuple[Job, Credentials]:
    """The CI, and which credentials its jobs have. No credential helper is called."""
    job, reading = _job(environment)
    return job, _credentials(environment, job, reading)


def _job(environment: Mapping[str, str]) -> tuple[Job, Reading]:
    adapter = detect(environment)
    try:
        return Job(adapter.name), adapter.read(observe(environment, Path.cwd()))
    except CiBuilderError as error:
        # Where no CI was detected, nothing has to ask for a build.
        return Job(adapter.name, "" if adapter.name == _NO_CI else error.message), NOTHING_READ


def _credentials(environment: Mapping[str, str], job: Job, reading: Reading) -> Credentials:
    try:
        known = load(environment, reading.request.logins)
    except CiBuilderError as error:
        return Credentials(trouble=error.message)
    return Credentials(answering(known, f"variables of the job ({job.ci})", _secrets(known, reading)))


def _secrets(known: Known, reading: Reading) -> Secrets:
    """What must not be shown even where somebody wrote it in the place of a name."""
    logins = [login for file in known.files for _, login in file.logins]
    return Secrets.of([*reading.masks, *login_secrets(logins), *url_secrets(known.environment.values())])
