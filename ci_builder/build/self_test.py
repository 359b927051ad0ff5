"""A tiny real build, offline, by one executor: what its probe promises is proved by doing it.

The base is this machine's own shell; the build copies a file to another owner, has a RUN read it and write
a second one, and looks into the image for both. In a child, so that no executor spoils another.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

from ci_builder.build.demonstration.base import make_base
from ci_builder.build.platforms import host_platform
from ci_builder.build.start import build
from ci_builder.build.surroundings import Surroundings
from ci_builder.errors import CiBuilderError, CommandFailed, DockerfileError, ExecutorError
from ci_builder.executors.apart import apart
from ci_builder.progress import silent
from ci_builder.request import OutputSpec, Request
from ci_builder.values import dataclass, replace

_SECONDS = 120.0
_BASE = "base"
_WORD = b"built\n"
_OWNER = 1000
_COPY = f"FROM {_BASE}\nCOPY --chown={_OWNER}:{_OWNER} word /self-test/\n"
_RUN = 'RUN read -r word < /self-test/word && echo "$word" > /self-test/said\n'
# Commands of the shell alone: nothing else is in the base.
_WITHOUT_RUN = ("none",)
_NEVER = {"in-place": "a build in place would replace this container's own files: this rests on the probe"}


@dataclass(frozen=True, slots=True)
class SelfTest:
    """``detail`` says what went wrong, or why it was not run; ``seconds`` is how long it took."""

    outcome: Literal["passed", "failed", "not run"]
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SelfTests:
    """``folder`` is private, and where builds have theirs; ``elsewhere`` as in Surroundings; ``trouble`` is
    why no base could be made."""

    folder: Path
    elsewhere: tuple[Path, ...] = ()
    trouble: str = ""

    @staticmethod
    def prepare(folder: Path, elsewhere: tuple[Path, ...]) -> SelfTests:
        """Make the base and the contexts in ``folder``. Raises OSError."""
        for name in ("with-run", "without-run"):
            (folder / name).mkdir()
            (folder / name / "word").write_bytes(_WORD)
            text = _COPY if name == "without-run" else _COPY + _RUN
            (folder / name / "Dockerfile").write_text(text, encoding="utf-8")
        tests = SelfTests(folder, elsewhere)
        try:
            make_base(folder / "layout", _BASE, host_platform(), folder)
        except CiBuilderError as error:
            return replace(tests, trouble=f"no base can be made: {error}")
        return tests

    def of(self, executor: str) -> SelfTest:
        """Build with the executor of that name. This process must have one thread. Raises OSError."""
        trouble = _NEVER.get(executor) or self.trouble
        if trouble:
            return SelfTest("not run", trouble)
        place = self.folder / f"by-{executor}"
        (place / "build").mkdir(parents=True)
        answer = apart(lambda: self._build(executor, place), _SECONDS)
        return SelfTest("passed" if answer.ok else "failed", answer.text, answer.seconds)

    def _build(self, executor: str, place: Path) -> str:
        runs = executor not in _WITHOUT_RUN
        request = Request(
            context=str(self.folder / ("with-run" if runs else "without-run")),
            outputs=(OutputSpec("tar", str(place / "image.tar")),),
            build_contexts=((_BASE, f"oci-layout://{self.folder / 'layout'}:{_BASE}"),),
            isolation=executor,
        )
        # No variable and no credential has a part in it.
        surroundings = Surroundings(
            environment={},
            progress=silent,
            home=place / "home",
            folder=place / "build",
            stdin=io.BytesIO(),
            stdout=io.BytesIO(),
            elsewhere=self.elsewhere,
        )
        try:
            build(request, surroundings)
        except CommandFailed as error:
            raise ExecutorError(f"{error.message}: {error.tail or 'it printed nothing'}") from error
        except DockerfileError as error:
            raise ExecutorError(error.message) from error
        _expect(place / "image.tar", "self-test/word", _OWNER)
        if runs:
            _expect(place / "image.tar", "self-test/said", 0)
        return ""


def _expect(image: Path, name: str, owner: int) -> None:
    """Raise ExecutorError unless the file is in the image as it must be."""
    import tarfile  # here: whoever asks for help waits for no archive

    with tarfile.open(image) as tar:
        found = next((member for member in tar if member.name.strip("/") == name), None)
        content = tar.extractfile(found) if found is not None else None
        if found is None or content is None or content.read() != _WORD:
            raise ExecutorError(f"/{name} is not in the image, or something else")
        if (found.uid, found.gid) != (owner, owner):
            raise ExecutorError(f"/{name} belongs to {found.uid}:{found.gid}, not to {owner}:{owner}")
