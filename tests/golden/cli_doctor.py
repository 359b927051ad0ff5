"""What the doctor says of two surroundings, as JSON and as text; and how the expectations are made anew.

python -m tests.golden.cli_doctor      writes every expectation; look at the difference
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.advice import Advice
from ci_builder.build.examination import Chosen, Examination, Finding
from ci_builder.build.self_test import SelfTest
from ci_builder.cli.diagnosis.report import Answering, Credentials, Job, Report
from ci_builder.cli.diagnosis.structure import structure
from ci_builder.cli.diagnosis.table import table
from ci_builder.executors.disposable import Evidence
from ci_builder.executors.interface import Verdict
from ci_builder.executors.linux.capability_names import ALL
from ci_builder.executors.surroundings.attempts import Attempt, Permitted
from ci_builder.executors.surroundings.disk import Room
from ci_builder.executors.surroundings.limits import Limits
from ci_builder.executors.surroundings.mounts import Container, Foreign
from ci_builder.executors.surroundings.process import Standing

HERE = Path(__file__).parent / "cli" / "doctor"
_REFUSED = Attempt(False, "unshare(NEWNS|NEWUSER): Operation not permitted")
_NOT_RUN = SelfTest("not run")


def restricted() -> Report:
    """A Kubernetes pod of the "restricted" kind, in a GitLab job."""
    why = f"no namespace can be made: {_REFUSED.detail} (seccomp)"
    findings = (
        Finding("none", Verdict(True, "works everywhere"), SelfTest("passed", "", 0.1234)),
        Finding("namespace", Verdict(False, why, "allow user namespaces"), _NOT_RUN),
        Finding("in-place", Verdict(False, "this is not the builder image", "run the build in it"), _NOT_RUN),
        Finding(
            "ptrace", Verdict(True, "seccomp notifications and ptrace work"), SelfTest("passed", "", 0.5)
        ),
        Finding("chroot", Verdict(False, "trial/file: Operation not permitted"), _NOT_RUN),
    )
    chosen = Chosen("ptrace", f"ptrace: seccomp notifications and ptrace work; namespace: {why}")
    return Report(
        version="1.2.3",
        standing=Standing(
            *(1000730000, 0, (0, 1000730000), "", (), ("CHOWN", "SETUID"), True),
            *("filter", "docker-default (enforce)", "Linux 6.1.0", "x86_64"),
        ),
        permitted=Permitted(
            Attempt(False, _REFUSED.detail, (("user.max_user_namespaces", "100"),)),
            _REFUSED,
            Attempt(True, "of a child", (("kernel.yama.ptrace_scope", "1"),)),
            Attempt(True, "a call was answered"),
            3,
        ),
        container=Container(
            Evidence(False, "sh", ("/.dockerenv",), "overlay", "/usr/bin/python3.11"),
            (Foreign("/builds", "ext4"), Foreign("/etc/hosts", "ext4")),
        ),
        rooms=(
            ("temporary", Room("/tmp", 1_500_000_000, 4_000_000_000, True)),
            ("store", Room("/data/ci-builder", 0, 4_000_000_000, False, True, True)),
            ("home", Room("/gone", trouble="Permission denied")),
        ),
        limits=Limits(536_870_912, 1.5, 300, 25_000_000_000, 4),
        proxies=(("https_proxy", "http://***@proxy:3128"), ("NO_PROXY", ".example.com")),
        credentials=Credentials(
            (
                Answering("r.example.com", "variables of the job (gitlab)", "password", "gitlab-ci-token"),
                Answering(
                    "gcr.io", "/c.json", "helper", helper="docker-credential-x", remark="not installed"
                ),
                Answering("*", "/c.json", "identity token"),
            )
        ),
        job=Job("gitlab", "half a login"),
        examination=Examination(findings, chosen, Chosen("none", "none: no command has to be run")),
        advice=Advice("start the container with another seccomp profile", "namespace"),
    )


def machine() -> Report:
    """Root on a machine, where the executor that is taken fails its self-test."""
    findings = (
        Finding("none", Verdict(True, "works everywhere"), SelfTest("passed", "", 0.1)),
        Finding(
            "namespace",
            Verdict(False, "its self-test failed: exit 1\nmore"),
            SelfTest("failed", "exit 1", 2.0),
        ),
        Finding("in-place", Verdict(True, "/ is disposable"), SelfTest("not run", "it would replace /")),
        Finding("ptrace", Verdict(False, "Function not implemented"), _NOT_RUN),
        Finding("chroot", Verdict(True, "root may"), SelfTest("passed", "", 0.2)),
    )
    return Report(
        version="1.2.3",
        standing=Standing(
            *(0, 0, (), "root", tuple(name for name in ALL if name != "BPF"), ALL, False),
            *("none", "", "Linux 5.4.0", "aarch64"),
        ),
        permitted=Permitted(
            Attempt(True, "with every id"),
            Attempt(True, "in the temporary folder (index=off)"),
            Attempt(False, "ptrace: Operation not permitted"),
            Attempt(False, "seccomp(NEW_LISTENER): Function not implemented"),
            0,
            "all",
        ),
        container=Container(Evidence(True, "systemd", (), "ext4", "/usr/bin/python3.11"), ()),
        rooms=(("temporary", Room("/tmp", 1, 2, True, False, True)),),
        limits=Limits(None, None, None, 25_000_000_000, 4),
        proxies=(),
        credentials=Credentials(trouble="/root/.docker/config.json is not JSON"),
        job=Job("generic"),
        examination=Examination(
            findings, Chosen("namespace", "namespace: works"), Chosen("none", "none: no RUN")
        ),
        advice=Advice(),
    )


REPORTS = {"restricted": restricted, "machine": machine}


def rendered() -> Iterator[tuple[Path, str]]:
    """Every expectation as it is now, with its file."""
    for name, make in REPORTS.items():
        yield HERE / f"{name}.json", json.dumps(structure(make()), indent=2) + "\n"
        yield HERE / f"{name}.txt", "".join(f"{line}\n" for line in table(make()))


def main() -> None:
    """Write every expectation."""
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
