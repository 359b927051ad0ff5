"""This project's builder, by executor: as root on this machine, as an ordinary user, and in place in the
builder image, which is its own root file system in namespaces of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.builds.builder import PATH, Failed, Job, Took, timed
from benchmarks.surroundings import USER
from tests.compare.builders import ROOT
from tests.servers.builder_image import certificates, index_arguments

_SOURCES = ("ci_builder", "examples", "image", "entrypoint.py", "requirements.txt", "LICENSE")
_WITHOUT_RIGHTS = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"),
    "--bounding-set=-all",
)
# The new root is the only thing that is left of this machine's files; what is measured begins within.
_IN_PLACE = """
mount --bind "$1" "$1" && cd "$1"
mkdir -p old proc dev sys job
mount --rbind /dev dev
mount --bind -o ro "$2" job
mount -t proc proc proc
pivot_root . old
/ci-builder/bin/busybox umount -l /old
/ci-builder/bin/busybox rmdir /old
shift 2
exec "$@"
"""
# Without a further process, to a hundredth of a second.
_MEASURED = """
read -r began rest < /proc/uptime
"$@"
code=$?
read -r ended rest < /proc/uptime
echo "$began $ended" > /ci-builder/times
exit $code
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A copy of the sources that every user can read, set up for the interpreter ``python``."""

    folder: Path
    python: str

    @staticmethod
    def make(folder: Path, python: str) -> Installed:
        """Copy, set up, and start once, so that everything is compiled. Raises CalledProcessError."""
        source = folder / "source"
        source.mkdir(parents=True)
        for name in _SOURCES:
            found = ROOT / name
            if found.is_dir():
                shutil.copytree(found, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, source / name)
        made = Installed(folder, python)
        (folder / "cache").mkdir(mode=0o755)
        for words in (["--version"], ["-m", "compileall", "-q", str(source / "ci_builder")]):
            begin = made.program if words == ["--version"] else [python]
            subprocess.run([*begin, *words], check=True, env=made.environment(folder), capture_output=True)
        (folder / "cache/ci-builder").chmod(0o755)
        return made

    @property
    def program(self) -> list[str]:
        """What the command line begins with."""
        return [self.python, str(self.folder / "source/entrypoint.py")]

    def environment(self, home: Path) -> dict[str, str]:
        """Variables for a start with an empty ``home``. pip's and the certificates' are this process's."""
        kept = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_CERT"))}
        own = {
            "PATH": PATH,
            "HOME": str(home),
            "TMPDIR": str(home),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        return kept | own


@dataclass(frozen=True, slots=True)
class OnThisMachine:
    """``isolation`` is the executor's name; everything but ptrace is measured as root."""

    installed: Installed
    isolation: str

    @property
    def name(self) -> str:
        """See Builder."""
        return self.isolation

    @property
    def title(self) -> str:
        """See Builder."""
        return f"ours, {self.isolation}" + (f" as uid {USER}" if self.isolation == "ptrace" else "")

    def build(self, job: Job) -> Took:
        """See Builder."""
        command = [*self.installed.program, *arguments(job, self.isolation, job.context)]
        if self.isolation == "ptrace":
            os.chown(job.folder, USER, USER)
            command = [*_WITHOUT_RIGHTS, *command]
        return _checked(timed(command, job, self.installed.environment(job.folder)), job, self.isolation)


@dataclass(frozen=True, slots=True)
class InPlace:
    """``image`` is a folder with the builder image's files, of which each build gets a copy."""

    image: Path
    name: str = "in-place"
    title: str = "ours, in-place"

    def build(self, job: Job) -> Took:
        """See Builder."""
        root = job.folder / "root"
        subprocess.run(["cp", "-a", str(self.image), str(root)], check=True)
        os.sync()
        inside = ["/ci-builder/bin/ci-builder", *arguments(job, self.name, Path("/job"))]
        begin = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        script = [*begin, "sh", "-ec", _IN_PLACE, "sh", str(root), str(job.context)]
        command = [*script, "/ci-builder/bin/busybox", "sh", "-c", _MEASURED, "sh", *inside]
        took = timed(command, job, {"HOME": "/ci-builder/home", "CI_BUILDER_HOME": "/ci-builder/home"})
        began, ended = map(float, (root / "ci-builder/times").read_text().split())
        return _checked(replace(took, seconds=ended - began), job, self.name)


def arguments(job: Job, isolation: str, context: Path) -> list[str]:
    """The command line of a build."""
    words = ["build", f"--isolation={isolation}", "--progress=plain", f"--build-arg=BASE={job.base}"]
    caches = {"write": f"--cache-to=type=registry,ref={job.cache},mode=max", "": ""}
    caches["read"] = f"--cache-from=type=registry,ref={job.cache}"
    words += [caches[job.use]] if job.use else []
    return [*words, f"--tag={job.tag}", "--push", str(context)]


def make_image(folder: Path, installed: Installed, base: str) -> Path:
    """The builder image's files, made by this project on ``base`` with the present sources. Raises Failed."""
    trusted = folder / "certificates"
    trusted.mkdir(parents=True)
    shutil.copy(certificates(), trusted / "company.crt")
    source = installed.folder / "source"
    command = [
        *installed.program,
        *("build", f"--file={source / 'image/Dockerfile'}", f"--build-arg=BASE={base}", "--progress=plain"),
        *(f"--build-context=certificates={trusted}", *index_arguments()),
        *(f"--output=type=local,dest={folder / 'image'}", str(source)),
    ]
    log = folder / "log"
    with log.open("wb") as output:
        environment = installed.environment(folder)
        code = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False).returncode
    if code:
        raise Failed(f"the builder image cannot be made: {log.read_text(errors='replace')[-2000:]}")
    return folder / "image"


def suitable_python() -> str:
    """Debian's interpreter, which users have, where it is one that this project runs on; else this one."""
    found = "/usr/bin/python3"
    old = "import sys; sys.exit(sys.version_info < (3, 10))"
    known = Path(found).exists() and subprocess.run([found, "-c", old], check=False).returncode == 0
    return found if known else sys.executable


def _checked(took: Took, job: Job, isolation: str) -> Took:
    said = (job.folder / "log").read_text(errors="replace")
    if isolation == "namespace" and "executor  none" not in said and f"executor  {isolation}" not in said:
        raise Failed("another executor was taken")
    return took
