"""The one change of these surroundings that would buy a faster executor for RUN."""

from __future__ import annotations

from ci_builder.build.examination import Examination
from ci_builder.executors.executable_folder import REMEDY as EXECUTABLE
from ci_builder.executors.surroundings.attempts import Permitted
from ci_builder.executors.surroundings.process import Standing
from ci_builder.values import dataclass

_NEEDED_IN_PLACE = frozenset({"CHOWN", "MKNOD", "SETUID", "SETGID", "DAC_OVERRIDE", "FOWNER"})
_IMAGE = "run the job in the builder image"
_AS_ROOT = "run the container of the builder image as root with docker's default capabilities"
_RANGES = "install newuidmap (Debian's uidmap) and give this user a range in /etc/subuid and /etc/subgid"
_DISK = "put TMPDIR on a file system that takes overlays (ext4 or xfs, not an overlay itself)"


@dataclass(frozen=True, slots=True)
class Advice:
    """``change`` is what to do, one line, and ``buys`` the executor that it brings, or ``overlays`` for the
    one that is taken already; both empty when no change is known."""

    change: str = ""
    buys: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What advice rests on; ``builder_image``: this is a container of it."""

    examination: Examination
    standing: Standing
    permitted: Permitted
    builder_image: bool


def advise(grounds: Grounds) -> Advice:
    """The change that is asked for first. Pure."""
    taken = grounds.examination.with_run.executor
    if taken == "namespace":
        return _advice(_for_overlays(grounds), "overlays")
    if taken != "in-place" and _could_be_in_place(grounds):
        return Advice(_AS_ROOT if grounds.standing.uid else _IMAGE, "in-place")
    if not taken and grounds.examination.finding("ptrace").verdict.remedy == EXECUTABLE:
        return Advice(EXECUTABLE, "ptrace")
    return _advice(_for_namespaces(grounds), "namespace")


def _advice(change: str, buys: str) -> Advice:
    return Advice(change, buys) if change else Advice()


def _for_overlays(grounds: Grounds) -> str:
    """Without overlays a base is unpacked for every stage, and changes are found by reading everything."""
    if "SYS_ADMIN" not in grounds.standing.capabilities and grounds.permitted.ids == "single":
        return _ranges(grounds.standing)
    return "" if grounds.permitted.overlay.ok else _DISK


def _ranges(standing: Standing) -> str:
    """newuidmap is a setuid program, which has to be able to become root, and wants to know who calls it."""
    first = []
    if standing.no_new_privs:
        first.append(
            "let the job gain privileges (docker: no --security-opt no-new-privileges; Kubernetes: "
            "allowPrivilegeEscalation: true)"
        )
    if not {"SETUID", "SETGID"} <= set(standing.bounding):
        first.append("leave it the capabilities SETUID and SETGID to gain")
    if not standing.user:
        first.append(f"give the uid {standing.uid} a name in /etc/passwd")
    return "; ".join((*first, _RANGES))


def _could_be_in_place(grounds: Grounds) -> bool:
    """Whether it is only the image or the user that stands in the way."""
    if grounds.builder_image:
        return grounds.standing.uid != 0
    return grounds.standing.uid == 0 and set(grounds.standing.capabilities) >= _NEEDED_IN_PLACE


def _for_namespaces(grounds: Grounds) -> str:
    if grounds.permitted.ids == "single" and grounds.examination.finding("namespace").verdict.ok:
        return _ranges(grounds.standing)
    sysctls = dict(grounds.permitted.user_namespaces.sysctls)
    profile = grounds.standing.profile
    confined = bool(profile) and not profile.startswith("unconfined")
    if sysctls.get("user.max_user_namespaces") == "0":
        return "allow user namespaces on the machine: sysctl user.max_user_namespaces=10000"
    if sysctls.get("kernel.unprivileged_userns_clone") == "0":
        return "allow user namespaces on the machine: sysctl kernel.unprivileged_userns_clone=1"
    if grounds.standing.seccomp == "filter":
        more = " --security-opt apparmor=unconfined" if confined else ""
        return (
            "start the container with a seccomp profile that permits unshare and mount "
            f"(docker: --security-opt seccomp=unconfined{more})"
        )
    if sysctls.get("kernel.apparmor_restrict_unprivileged_userns") == "1":
        return (
            "allow user namespaces on the machine: "
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with userns"
        )
    if confined:
        return f"use another AppArmor profile than {profile} (docker: --security-opt apparmor=unconfined)"
    return grounds.examination.finding("namespace").verdict.remedy
