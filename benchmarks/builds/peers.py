"""The other builders, as Debian packages them, and the bare tools."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.builds.builder import PATH, Failed, Job, Took, timed
from tests.servers.dockerd import CLIENT, Docker, DockerFailed

FLOOR = "bare tools"
_SCRIPT = Path(__file__).with_name("floor.sh")


@dataclass(frozen=True, slots=True)
class BareTools:
    """skopeo, igzip, tar, chroot, sha256sum and curl, one after another (floor.sh)."""

    registry: str
    name: str = FLOOR
    title: str = FLOOR

    def build(self, job: Job) -> Took:
        """See Builder."""
        gzip = "igzip" if shutil.which("igzip") else "gzip"
        repositories = [
            text.removeprefix(f"{self.registry}/").partition(":")[0] for text in (job.base, job.tag)
        ]
        steps = [word for step in job.case.floor for word in step]
        command = [
            str(_SCRIPT),
            str(job.folder),
            self.registry,
            *repositories,
            str(job.context),
            gzip,
            *steps,
        ]
        took = timed(command, job, {"HOME": str(job.folder)})
        parts: dict[str, float] = {}
        for line in (job.folder / "log").read_text().splitlines():
            part, _, nanoseconds = line.partition(" ")
            parts[part] = parts.get(part, 0.0) + int(nanoseconds) / 1e9
        return replace(took, parts=tuple(parts.items()))


@dataclass(frozen=True, slots=True)
class Buildah:
    """A layer for each instruction, commands in a chroot, overlay mounts where root may have them."""

    name: str = "buildah"
    title: str = "buildah"

    def build(self, job: Job) -> Took:
        """See Builder."""
        storage = ["--root", str(job.folder / "root"), "--runroot", str(job.folder / "run")]
        base = ["buildah", *storage, "--storage-driver", "overlay"]
        build = [*base, "build", "--isolation", "chroot", "--network", "host", "--layers", "--format", "oci"]
        build += ["--tls-verify=false", "--quiet", "--build-arg", f"BASE={job.base}", "--tag", job.tag]
        caches = {"write": ["--cache-to", job.cache], "read": ["--cache-from", job.cache], "": []}
        build += [word.partition(":latest")[0] for word in caches[job.use]]
        environment = {"HOME": str(job.folder), "TMPDIR": str(job.folder)}
        try:
            one = timed([*build, str(job.context)], job, environment)
            two = timed([*base, "push", "--quiet", "--tls-verify=false", job.tag], job, environment)
        finally:
            words = [*base, "rmi", "--all", "--force"]
            subprocess.run(words, env={"PATH": PATH, **environment}, capture_output=True, check=False)
            _unmount_below(job.folder)
        return _both(one, two)


@dataclass(frozen=True, slots=True)
class BuildKit:
    """dockerd's own BuildKit, and docker push. A cache is the inline one, the only one that it has."""

    docker: Docker
    name: str = "docker"
    title: str = "BuildKit (docker)"

    def build(self, job: Job) -> Took:
        """See Builder."""
        words = ["build", "--network=host", f"--build-arg=BASE={job.base}", f"--tag={job.tag}"]
        if job.use == "write":
            words += ["--build-arg=BUILDKIT_INLINE_CACHE=1", f"--tag={job.cache}"]
        elif job.use == "read":
            words += [f"--cache-from={job.cache}"]
        client = [CLIENT, "-H", f"unix://{self.docker.socket}"]
        environment = {"HOME": str(job.folder), "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
        daemon = (int((self.docker.home / "pid").read_text()),)
        try:
            one = timed([*client, *words, str(job.context)], job, environment, daemon)
            two = timed([*client, "push", job.tag], job, environment, daemon)
            if job.use == "write":
                timed([*client, "push", job.cache], job, environment)
            return _both(one, two)
        finally:
            self._forget()

    def _forget(self) -> None:
        """Nothing of a build is left for the next one."""
        try:
            self.docker("builder", "prune", "--all", "--force")
            self.docker("system", "prune", "--all", "--force")
        except DockerFailed as error:
            raise Failed(str(error)) from error
        time.sleep(0.2)


def _both(one: Took, two: Took) -> Took:
    """One after the other."""
    megabytes = max(one.megabytes, two.megabytes)
    return Took(one.seconds + two.seconds, one.processor + two.processor, megabytes)


def _unmount_below(folder: Path) -> None:
    mounts = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
