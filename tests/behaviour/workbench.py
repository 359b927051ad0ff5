"""One Dockerfile built by every executor, and the image as plain values; what a bad one is answered with."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import stat
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ci_builder.cli.invocation import Invocation
from ci_builder.cli.main import main
from tests.compare.builders import Built, run_ours
from tests.conformance.case import Case, lay_out
from tests.servers.bases import Base
from tests.servers.disposable_root import DisposableRoot
from tests.servers.ordinary_user import UID, OrdinaryUser

NONE = "none"
USER = "ptrace as a user"
RUNNING = ("namespace", "chroot", "ptrace", USER, "in-place")
"""The executors that run commands; ``USER`` is one without any right, who can get none (no_new_privs)."""

ALL = (NONE, *RUNNING)
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "link",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
}
_WHITEOUT = ".wh."
_ERROR = re.compile(r"^error: (?:Dockerfile:(\d+): )?(.*)$", re.MULTILINE)
_RUN = re.compile(r"(?:ONBUILD\s+)?RUN\s", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)")
_HINT = re.compile(r"^hint: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """An entry of a layer; ``content`` is a file's, a link's target otherwise. ``modified`` is in seconds and
    not compared."""

    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    content: str = ""
    modified: float = field(default=0, compare=False)


def folder(mode: int = 0o755, uid: int = 0, gid: int = 0) -> File:
    """A directory's entry."""
    return File("directory", mode, uid, gid)


def plain(content: str, mode: int = 0o644, uid: int = 0, gid: int = 0) -> File:
    """A regular file's entry."""
    return File("file", mode, uid, gid, content)


@dataclass(frozen=True)
class Image:
    """What was built above the base: ``layers`` by path, lowest first, ``whole`` is the configuration's JSON
    and ``text`` what the build printed."""

    executor: str
    whole: dict[str, Any]
    layers: tuple[dict[str, File], ...]
    text: str

    @property
    def config(self) -> dict[str, Any]:
        """What a container is started with."""
        found: dict[str, Any] = self.whole["config"]
        return found

    @property
    def history(self) -> list[tuple[str, bool]]:
        """(line, whether it made a layer) of each step above the base."""
        return [
            (item["created_by"], not item.get("empty_layer", False)) for item in self.whole["history"][1:]
        ]

    def said(self, *instructions: str) -> list[tuple[str, bool]]:
        """The part of the history that is of these instructions."""
        return [item for item in self.history if item[0].split(" ", 1)[0] in instructions]

    def layer_of(self, beginning: str) -> dict[str, File]:
        """The layer of the one step whose line begins so."""
        made = [line for line, layered in self.history if layered]
        (number,) = [number for number, line in enumerate(made) if line.startswith(beginning)]
        return self.layers[number]

    @cached_property
    def files(self) -> dict[str, File]:
        """All the layers, one on another."""
        found: dict[str, File] = {}
        for layer in self.layers:
            for path in layer:
                above, _, name = path.rpartition("/")
                if name.startswith(_WHITEOUT):
                    gone = "/".join(filter(None, (above, name.removeprefix(_WHITEOUT))))
                    found = {key: item for key, item in found.items() if not f"{key}/".startswith(f"{gone}/")}
            found |= {path: file for path, file in layer.items() if _WHITEOUT not in path}
        return found

    def read(self, path: str) -> str:
        """The content of a regular file that a step made."""
        found = self.files[path]
        assert found.kind == "file"
        return found.content


@dataclass(frozen=True)
class Outcome:
    """How a build ended, and where its image is, if any."""

    executor: str
    built: Built
    layout: Path

    @cached_property
    def image(self) -> Image:
        """The image. Raises AssertionError where there is none."""
        assert self.built.code == 0, self.built.text[-1500:]
        assert "Traceback" not in self.built.text
        return _read(self.layout, self.executor, self.built.text)


class Workbench:
    """Builds Dockerfiles FROM ``base`` with one of ``ALL``, in folders of its own below ``folder``.

    In options, ``{context}`` is the context's folder and ``{jobs}`` where the folders of all builds lie, as
    the executor's surroundings have them.
    """

    def __init__(self, folder: Path, base: Base) -> None:
        self._base = base
        self._jobs = folder / "jobs"
        self._home = folder / "home"
        for place in (self._jobs, self._home):
            place.mkdir()
        # The user who builds owns nothing on the way there.
        for above in (folder, folder.parent, folder.parent.parent):
            above.chmod(above.stat().st_mode | 0o011)
        self._folder = folder

    @cached_property
    def _as_user(self) -> OrdinaryUser:
        return OrdinaryUser(
            self._folder / "user",
            {self._jobs: "jobs", self._base.layout: "base"},
            flags=("--no-new-privs", "--bounding-set=-all"),
        )

    @cached_property
    def _in_place(self) -> DisposableRoot:
        shown = {self._jobs: "/job", self._base.layout: "/base"}
        place = self._folder / "disposable"
        place.mkdir()
        return DisposableRoot(place, shown)

    def build(self, executor: str, case: Case) -> Built:
        """How the build of ``case`` ends."""
        return self._run(executor, case)[0]

    def image(self, executor: str, case: Case) -> Image:
        """The image that is built of ``case``; without its RUNs where the executor can do none."""
        return self.outcome(executor, case).image

    def outcome(self, executor: str, case: Case) -> Outcome:
        """The same where the build may fail."""
        built, layout = self._run(executor, without_run(case) if executor == NONE else case)
        return Outcome(executor, built, layout)

    def _run(self, executor: str, case: Case) -> tuple[Built, Path]:
        job = Path(tempfile.mkdtemp(prefix=f"{case.name}-", dir=self._jobs))
        job.chmod(0o755)
        lay_out(case, job / "context", for_docker=False)
        (job / "out").mkdir()
        os.chown(job / "out", UID, UID)
        if executor == USER:
            _give_away(job / "context")
            user = self._as_user
            built = user(self._words("ptrace", case, user.folder / "jobs" / job.name, user.folder / "base"))
        elif executor == "in-place":
            built = self._in_place(self._words(executor, case, Path("/job") / job.name, Path("/base")))
        else:
            built = run_ours(
                self._words(executor, case, job, self._base.layout),
                home=self._home,
            )
        return built, job / "out" / "image"

    def _words(self, isolation: str, case: Case, job: Path, base: Path) -> list[str]:
        places = {"{context}": f"{job}/context", "{jobs}": str(job.parent)}
        options = [re.sub(r"\{\w+\}", lambda found: places[found[0]], option) for option in case.options]
        return [
            *("build", f"--isolation={isolation}", "--progress=plain"),
            f"--build-context={self._base.name}=oci-layout://{base}",
            f"--output=type=oci,tar=false,compression=uncompressed,dest={job}/out/image",
            *(*options, f"{job}/context"),
        ]


def agree(images: Callable[[str], Image]) -> None:
    """Fail unless all executors that run commands made the same of a case, but for times."""
    first, *others = map(images, RUNNING)
    for other in others:
        who = f"{first.executor} and {other.executor}"
        assert first.config == other.config, who
        assert first.history == other.history, who
        for number, (one, two) in enumerate(zip(first.layers, other.layers, strict=True)):
            assert one == two, f"{who}: layer {number}"


def _give_away(context: Path) -> None:
    """A job's checkout is the job's user's."""
    for path in (context, *context.rglob("*")):
        mode = path.lstat().st_mode
        os.chown(path, UID, UID, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(mode))  # setuid goes with the owner


def without_run(case: Case) -> Case:
    """The same without RUN and ONBUILD RUN, their continued lines and heredocs."""
    kept: list[str] = []
    lines = iter(case.dockerfile.splitlines(keepends=True))
    for line in lines:
        if not _RUN.match(line):
            kept.append(line)
            continue
        whole = line
        while whole.endswith("\\\n"):
            whole += next(lines)
        for name in _HEREDOC.findall(whole):
            while next(lines).strip() != name:
                pass
    return replace(case, dockerfile="".join(kept))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The line of the Dockerfile (0: none is named), what is wrong there, and what to do."""

    line: int
    message: str
    hint: str = ""


def refuse(place: Path, dockerfile: str, options: Sequence[str] = ()) -> Refusal:
    """What the command line answers to a Dockerfile that it must not build; ``place`` is a new folder."""
    context = place / "context"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(dockerfile)
    out, said = io.BytesIO(), io.StringIO()
    environment = {"HOME": str(place), "CI_BUILDER_HOME": str(place / "home")}
    words = ["build", "--isolation=none", f"--output=type=oci,dest={place}/image.tar", *options, str(context)]
    code = main(words, Invocation("ci-builder", environment, io.BytesIO(), out, said))
    assert code == 1, f"exit code {code}: {said.getvalue()}"
    assert not (place / "image.tar").exists()
    found, hint = _ERROR.search(said.getvalue()), _HINT.search(said.getvalue())
    assert found is not None, said.getvalue()
    if found[1]:
        assert f"\n{found[1]:>5} | >>> " in said.getvalue(), "the line is not shown"
    return Refusal(int(found[1] or 0), found[2], hint[1] if hint else "")


Refuse = Callable[[str], Refusal]
"""Answers a Dockerfile that must not be built."""


def _read(layout: Path, executor: str, text: str) -> Image:
    def blob(digest: str) -> bytes:
        return (layout / "blobs" / digest.replace(":", "/")).read_bytes()

    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(entry["digest"]))
    layers = [blob(item["digest"]) for item in manifest["layers"][1:]]
    return Image(executor, json.loads(blob(manifest["config"]["digest"])), tuple(map(_entries, layers)), text)


def _entries(layer: bytes) -> dict[str, File]:
    data = gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for item in archive:
            stream = archive.extractfile(item) if item.isreg() else None
            content = stream.read().decode(errors="surrogateescape") if stream else item.linkname
            mode = 0o777 if item.issym() else item.mode & 0o7777
            found[item.name] = File(_KINDS[item.type], mode, item.uid, item.gid, content, item.mtime)
    return found
