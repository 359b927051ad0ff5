"""This project's builder, by executor: as root on this machine, as an ordinary user, and in place in the
builder image, which is its own root file system in namespaces of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.builds.builder import Failed, Job, Took, timed
from benchmarks.installed import Installed
from benchmarks.surroundings import USER
from tests.servers.builder_image import certificates, index_arguments

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


def _checked(took: Took, job: Job, isolation: str) -> Took:
    said = (job.folder / "log").read_text(errors="replace")
    if isolation == "namespace" and "executor  none" not in said and f"executor  {isolation}" not in said:
        raise Failed("another executor was taken")
    return took
