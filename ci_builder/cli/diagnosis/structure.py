"""The report as JSON; docs/doctor.md says what the keys mean. They stay: new ones may come."""

from __future__ import annotations

from typing import Any

from ci_builder.build.examination import Chosen, Examination, Finding
from ci_builder.cli.diagnosis.report import Report
from ci_builder.executors.surroundings.attempts import Attempt

SCHEMA = 1


def structure(report: Report) -> dict[str, Any]:
    """Everything, in a fixed order of keys."""
    return {
        "schema": SCHEMA,
        "version": report.version,
        "ok": report.examination.runs,
        "process": _process(report),
        "kernel": _kernel(report),
        "container": _container(report),
        "disk": [_room(report, number) for number in range(len(report.rooms))],
        "limits": _limits(report),
        "proxies": [{"variable": name, "value": value} for name, value in report.proxies],
        "credentials": _credentials(report),
        "ci": {"system": report.job.ci, "trouble": report.job.trouble},
        "executors": [_executor(item) for item in report.examination.findings],
        "auto": {
            "with_run": _chosen(report.examination, report.examination.with_run),
            "without_run": _chosen(report.examination, report.examination.without_run),
        },
        "advice": {"change": report.advice.change, "buys": report.advice.buys},
    }


def _process(report: Report) -> dict[str, Any]:
    here = report.standing
    return {
        "uid": here.uid,
        "gid": here.gid,
        "groups": list(here.groups),
        "user": here.user,
        "capabilities": list(here.capabilities),
        "bounding_capabilities": list(here.bounding),
        "no_new_privs": here.no_new_privs,
        "seccomp": here.seccomp,
        "security_profile": here.profile,
    }


def _kernel(report: Report) -> dict[str, Any]:
    permitted = report.permitted
    return {
        "release": report.standing.kernel,
        "machine": report.standing.machine,
        "user_namespaces": {**_attempt(permitted.user_namespaces), "ids": permitted.ids},
        "overlay": _attempt(permitted.overlay),
        "ptrace": _attempt(permitted.ptrace),
        "seccomp_notification": _attempt(permitted.seccomp_notification),
        "landlock_abi": permitted.landlock,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {"ok": attempt.ok, "detail": attempt.detail, "sysctls": dict(attempt.sysctls)}


def _container(report: Report) -> dict[str, Any]:
    evidence = report.container.evidence
    return {
        "builder_image": evidence.marker,
        "files": list(evidence.container_files),
        "root_file_system": evidence.root_kind,
        "first_process": evidence.first_process,
        "mounts": [{"path": item.path, "kind": item.kind} for item in report.container.mounts],
    }


def _room(report: Report, number: int) -> dict[str, Any]:
    use, room = report.rooms[number]
    return {
        "use": use,
        "path": room.path,
        "free_bytes": room.free,
        "total_bytes": room.total,
        "writable": room.writable,
        "read_only": room.read_only,
        "noexec": room.no_exec,
        "trouble": room.trouble,
    }


def _limits(report: Report) -> dict[str, Any]:
    limits = report.limits
    return {
        "memory_bytes": limits.memory,
        "cpus": limits.cpus,
        "processes": limits.processes,
        "machine_memory_bytes": limits.machine_memory,
        "usable_cpus": limits.usable_cpus,
    }


def _credentials(report: Report) -> dict[str, Any]:
    return {
        "trouble": report.credentials.trouble,
        "answering": [
            {
                "registry": item.registry,
                "source": item.source,
                "kind": item.kind,
                "user": item.user,
                "helper": item.helper,
                "remark": item.remark,
            }
            for item in report.credentials.answering
        ],
    }


def _executor(finding: Finding) -> dict[str, Any]:
    test = finding.test
    return {
        "name": finding.name,
        "ok": finding.verdict.ok,
        "reason": finding.verdict.reason,
        "remedy": finding.verdict.remedy,
        "self_test": {
            "outcome": test.outcome,
            "detail": test.detail,
            "seconds": round(test.seconds, 3),
        },
    }


def _chosen(examination: Examination, chosen: Chosen) -> dict[str, Any]:
    ok = bool(chosen.executor) and examination.finding(chosen.executor).verdict.ok
    return {"executor": chosen.executor, "ok": ok, "reason": chosen.reason}
