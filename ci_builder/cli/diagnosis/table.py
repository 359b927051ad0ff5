"""The report for people: one line for each fact, one row for each executor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ci_builder.build.examination import Examination
from ci_builder.cli.diagnosis.report import Answering, Report
from ci_builder.cli.rendering.text import one_line, size
from ci_builder.executors.linux.capability_names import ALL
from ci_builder.executors.surroundings.attempts import Attempt
from ci_builder.executors.surroundings.disk import Room

Rows = Iterator[tuple[str, str]]
_WIDTH = 20
_MOST_MOUNTS = 20


def table(report: Report) -> list[str]:
    """Every line; nothing in it moves a cursor or spans lines."""
    return [
        "surroundings",
        *_lines((*_process(report), *_kernel(report), *_container(report))),
        *_lines((*_disk(report), *_limits(report), *_network(report))),
        "executors",
        *_executors(report),
        "isolation auto",
        *_lines(_auto(report)),
    ]


def _lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name:<{_WIDTH}}  {one_line(text)}".rstrip() for name, text in rows]


def _process(report: Report) -> Rows:
    here = report.standing
    yield "user", f"uid {here.uid} ({here.user or 'not in passwd'}), gid {here.gid}{_groups(here.groups)}"
    yield "capabilities", _capabilities(here.capabilities)
    if not here.capabilities and not here.no_new_privs:
        yield "", f"a program with setuid could get: {_capabilities(here.bounding)}"
    yield "no_new_privs", "set" if here.no_new_privs else "not set"
    yield "seccomp", "none" if here.seccomp == "none" else f"mode {here.seccomp}"
    yield "security profile", here.profile or "none"


def _capabilities(names: tuple[str, ...]) -> str:
    lacking = [name for name in ALL if name not in names]
    if len(lacking) < len(names):
        return f"all but {', '.join(lacking)}" if lacking else "all"
    return ", ".join(names) or "none"


def _groups(groups: tuple[int, ...]) -> str:
    return f", groups {', '.join(map(str, groups))}" if groups else ""


def _kernel(report: Report) -> Rows:
    permitted = report.permitted
    yield "kernel", f"{report.standing.kernel} {report.standing.machine}"
    yield "user namespaces", _attempt(permitted.user_namespaces)
    yield "overlay", _attempt(permitted.overlay)
    yield "ptrace", _attempt(permitted.ptrace)
    yield "seccomp notification", _attempt(permitted.seccomp_notification)
    yield "landlock", f"ABI {permitted.landlock}" if permitted.landlock else "no"


def _attempt(attempt: Attempt) -> str:
    said = f"{'yes, ' if attempt.ok else 'no: '}{attempt.detail}"
    return said + "".join(f"; {name}={value}" for name, value in attempt.sysctls)


def _container(report: Report) -> Rows:
    evidence = report.container.evidence
    what = "the builder image" if evidence.marker else " ".join(evidence.container_files) or "no sign of one"
    yield "container", f"{what}; / is {evidence.root_kind}, process 1 is {evidence.first_process}"
    mounts = [f"{item.path} ({item.kind})" for item in report.container.mounts]
    if len(mounts) > _MOST_MOUNTS:
        mounts[_MOST_MOUNTS:] = [f"and {len(mounts) - _MOST_MOUNTS} more (all in --format=json)"]
    for number, text in enumerate(mounts or ["nothing is mounted"]):
        yield "" if number else "mounts", text


def _disk(report: Report) -> Rows:
    for use, room in report.rooms:
        yield f"disk, {use}", f"{room.path}: {room.trouble or _room(room)}"


def _room(room: Room) -> str:
    flags = [text for text, holds in (("read-only", room.read_only), ("noexec", room.no_exec)) if holds]
    if not room.writable and not room.read_only:
        flags.append("not writable")
    return ", ".join([f"{size(room.free)} free of {size(room.total)}", *flags])


def _limits(report: Report) -> Rows:
    limits = report.limits
    if limits.memory is None:
        yield "memory", f"no limit; the machine has {size(limits.machine_memory)}"
    else:
        yield "memory", f"{size(limits.memory)} (cgroup)"
    share = "no limit" if limits.cpus is None else f"{limits.cpus:g} (cgroup)"
    yield "processors", f"{share}; {limits.usable_cpus} usable"
    yield "processes", "no limit" if limits.processes is None else f"{limits.processes} (cgroup)"


def _network(report: Report) -> Rows:
    for number, (name, value) in enumerate(report.proxies or (("", "none"),)):
        yield "" if number else "proxies", f"{name}={value}" if name else value
    known = report.credentials
    texts = [_answering(item) for item in known.answering]
    if known.trouble:
        texts.append(f"trouble: {known.trouble}")
    for number, text in enumerate(texts or ["none: registries are asked anonymously"]):
        yield "" if number else "credentials", text
    trouble = f"; its variables ask for no build: {report.job.trouble}" if report.job.trouble else ""
    yield "CI", ("none detected" if report.job.ci == "generic" else report.job.ci) + trouble


def _answering(item: Answering) -> str:
    who = item.helper or item.kind + (f" of {item.user}" if item.user else "")
    registry = "every other registry" if item.registry == "*" else item.registry
    return f"{registry}: {who}, from {item.source}" + (f" ({item.remark})" if item.remark else "")


def _executors(report: Report) -> Iterator[str]:
    yield f"  {'name':<10} {'verdict':<8} {'self-test':<15} reason"
    for finding in report.examination.findings:
        test = finding.test
        tested = f"{test.outcome}, {test.seconds:.1f} s" if test.seconds else test.outcome
        verdict = "ok" if finding.verdict.ok else "no"
        note = f"; {test.detail}" if finding.verdict.ok and test.detail else ""
        remedy = f" [{finding.verdict.remedy}]" if finding.verdict.remedy else ""
        reason = one_line(finding.verdict.reason + note + remedy)
        yield f"  {finding.name:<10} {verdict:<8} {tested:<15} {reason}".rstrip()


def _auto(report: Report) -> Rows:
    examination = report.examination
    taken = examination.with_run.executor
    yield "with RUN", taken or examination.with_run.reason
    if taken and not examination.runs:
        yield "", f"its self-test failed: {_instead(examination)}"
    yield "without RUN", examination.without_run.executor or examination.without_run.reason
    label = "faster with" if taken else "RUN works with"
    if report.advice.change:
        yield label, f"{report.advice.change} (buys {report.advice.buys})"
    else:
        yield label, "nothing: this is the fastest" if _is_fastest(examination) else "no change that is known"


def _instead(examination: Examination) -> str:
    proved = [item.name for item in examination.findings if item.test.outcome == "passed"]
    others = [name for name in proved if name != "none"]
    return f"ask for --isolation={others[0]}" if others else "and no other one passed"


def _is_fastest(examination: Examination) -> bool:
    return examination.runs and examination.with_run.executor == "namespace"
