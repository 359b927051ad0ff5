"""The doctor where it is needed: on this machine as root and as a user, in containers of every kind.

What it says of an executor is held against what a build with that executor does there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.compare.builders import run_ours
from tests.contracts.executors import settings
from tests.doctor.surroundings import (
    NO_EXEC,
    READ_ONLY,
    RESTRICTED,
    UNKNOWN_USER,
    Said,
    in_builder_image,
    in_container,
)
from tests.servers.dockerd import Docker
from tests.servers.ordinary_user import UID, OrdinaryUser, refusal
from tests.servers.signals import default_signals

PASSED, REFUSED, UNTESTED = (True, "passed"), (False, "not run"), (True, "not run")
_CONTAINERS = {
    # flags, verdicts on namespace, ptrace and chroot, what auto takes, a word of the advice, what it buys
    "plain": ((), (REFUSED, PASSED, PASSED), "ptrace", "builder image", "in-place"),
    "restricted": (RESTRICTED, (REFUSED, PASSED, REFUSED), "ptrace", "seccomp=unconfined", "namespace"),
    "unknown user, read-only": (
        (*UNKNOWN_USER, *READ_ONLY),
        (REFUSED, PASSED, REFUSED),
        "ptrace",
        "seccomp=unconfined",
        "namespace",
    ),
    "no programs anywhere": (
        (*UNKNOWN_USER, *NO_EXEC),
        (REFUSED, REFUSED, REFUSED),
        "",
        "not mounted noexec",
        "ptrace",
    ),
    "no programs in the temporary folder": (
        (*UNKNOWN_USER, *NO_EXEC, "--tmpfs=/data:mode=1777,exec", "--env=HOME=/data"),
        (REFUSED, PASSED, REFUSED),
        "ptrace",
        "seccomp=unconfined",
        "namespace",
    ),
    "without seccomp": (
        ("--security-opt=seccomp=unconfined", "--memory=512m", "--cpus=1.5", "--pids-limit=300"),
        (PASSED, PASSED, PASSED),
        "namespace",
        "TMPDIR",
        "overlays",
    ),
}


@pytest.fixture(scope="module")
def image(docker_daemon: Docker) -> str:
    """busybox, and no interpreter of its own."""
    return settings.make_image(docker_daemon)


@pytest.mark.root
def test_on_this_machine_as_root(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    done = run_ours(["doctor", "--format=json"], home=tmp_path, env={"TMPDIR": str(tmp_path / "tmp")})
    said = Said(done.code, done.text, "")
    assert done.code == 0, done.text
    assert (said.report["ok"], said.report["process"]["uid"], said.report["process"]["user"]) == (
        True,
        0,
        "root",
    )
    assert said.outcomes()["namespace"] == PASSED
    assert said.outcomes()["in-place"] == REFUSED
    assert said.report["auto"]["with_run"]["executor"] == "namespace"
    assert said.report["auto"]["without_run"]["executor"] == "none"
    assert os.listdir(tmp_path / "tmp") == []


def test_as_whoever_runs_the_tests(tmp_path: Path) -> None:
    """Without any right as well; and what it says of RUN is true."""
    done = run_ours(["doctor", "--format=json"], home=tmp_path)
    said = Said(done.code, done.text, "")
    assert said.outcomes()["none"] == PASSED
    assert done.code == (0 if said.report["ok"] else 1)
    demo = run_ours(["demo", "--progress=plain"], home=tmp_path)
    if said.report["ok"]:
        assert demo.code == 0, demo.text
    assert f"executor  {said.report['auto']['with_run']['executor']}" in demo.text or not said.report["ok"]


@pytest.mark.root
def test_as_an_ordinary_user(tmp_path: Path) -> None:
    reason = refusal()
    if reason:
        pytest.skip(reason)
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(above.stat().st_mode | 0o011)
    user = OrdinaryUser(tmp_path / "user")
    done = user(["doctor", "--format=json"])
    said = Said(done.code, done.text, "")
    assert done.code == 0, done.text
    assert (said.report["process"]["uid"], said.report["process"]["user"]) == (UID, "builder")
    assert said.report["process"]["capabilities"] == []
    assert said.outcomes() == {
        "none": PASSED,
        "namespace": PASSED,
        "in-place": REFUSED,
        "ptrace": PASSED,
        "chroot": REFUSED,
    }
    assert said.report["kernel"]["user_namespaces"]["ids"] == "ranges"


@pytest.mark.docker
@pytest.mark.root
@pytest.mark.parametrize("name", _CONTAINERS)
def test_in_a_container(name: str, docker_daemon: Docker, image: str) -> None:
    flags, expected, taken, word, buys = _CONTAINERS[name]
    said = in_container(docker_daemon, image, flags)
    assert said.err == ""
    outcomes = said.outcomes()
    assert tuple(outcomes[name] for name in ("namespace", "ptrace", "chroot")) == expected
    assert (outcomes["none"], outcomes["in-place"]) == (PASSED, REFUSED)
    assert said.report["auto"]["with_run"]["executor"] == taken
    assert said.code == (0 if taken else 1)
    assert word in said.report["advice"]["change"]
    assert said.report["advice"]["buys"] == buys
    assert all(item["reason"] for item in said.report["executors"])
    if name == "no programs anywhere":
        ptrace = said.executor("ptrace")
        assert ptrace["reason"].startswith("every folder that can be written is mounted noexec: /tmp;")
        assert ptrace["remedy"] == said.report["advice"]["change"]


@pytest.mark.docker
@pytest.mark.root
def test_the_facts_of_a_container(docker_daemon: Docker, image: str) -> None:
    flags = (*UNKNOWN_USER, *READ_ONLY, "--memory=512m", "--cpus=1.5", "--pids-limit=300")
    secret = "the-doctors-secret"
    variables = {
        "GITLAB_CI": "true",
        "CI_REGISTRY": "r.example.com",
        "CI_REGISTRY_IMAGE": "r.example.com/app",
        "CI_REGISTRY_USER": "gitlab-ci-token",
        "CI_REGISTRY_PASSWORD": secret,
        "CI_COMMIT_REF_SLUG": "main",
        "https_proxy": f"http://me:{secret}@proxy.example.com:3128",
        "DOCKER_AUTH_CONFIG": json.dumps({"credsStore": "nowhere"}),
    }
    said = in_container(docker_daemon, image, flags, variables)
    assert secret not in said.out + said.err
    report = said.report
    process = report["process"]
    assert (process["uid"], process["user"], process["capabilities"]) == (1000730000, "", [])
    assert (process["no_new_privs"], process["seccomp"]) == (True, "filter")
    assert report["limits"]["memory_bytes"] == 512 << 20
    assert (report["limits"]["cpus"], report["limits"]["processes"]) == (1.5, 300)
    mounts = {item["path"]: item["kind"] for item in report["container"]["mounts"]}
    assert mounts["/tmp"] == "tmpfs"
    assert {"/etc/hosts", "/opt/python"} <= set(mounts)
    home = {item["use"]: item for item in report["disk"]}["home"]
    assert (home["read_only"], home["writable"]) == (True, False)
    assert report["proxies"] == [{"variable": "https_proxy", "value": "http://***@proxy.example.com:3128"}]
    answering = {item["registry"]: item for item in report["credentials"]["answering"]}
    assert answering["r.example.com"]["user"] == "gitlab-ci-token"
    assert answering["*"]["remark"] == "docker-credential-nowhere is not installed"
    assert report["ci"]["system"] == "gitlab"


@pytest.mark.docker
@pytest.mark.root
def test_a_container_in_which_nothing_can_be_written(docker_daemon: Docker, image: str) -> None:
    said = in_container(docker_daemon, image, (*RESTRICTED, "--read-only"))
    assert (said.code, said.out) == (1, "")
    assert "hint: mount a writable volume there, or set TMPDIR" in said.err


@pytest.mark.docker
@pytest.mark.root
def test_a_kernel_that_refuses_everything(docker_daemon: Docker, image: str, tmp_path: Path) -> None:
    """What a sandbox without ptrace and seccomp looks like, made of a seccomp profile."""
    refused = {
        "names": ["ptrace", "seccomp", "unshare", "landlock_create_ruleset"],
        "action": "SCMP_ACT_ERRNO",
    }
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}))
    said = in_container(docker_daemon, image, (*RESTRICTED, f"--security-opt=seccomp={profile}"))
    assert said.code == 1
    assert {name for name, (ok, _) in said.outcomes().items() if ok} == {"none"}
    kernel = said.report["kernel"]
    attempts = ("user_namespaces", "overlay", "ptrace", "seccomp_notification")
    assert [kernel[name]["ok"] for name in attempts] == [False] * 4
    assert kernel["landlock_abi"] == 0
    assert said.executor("ptrace")["remedy"].startswith("a seccomp profile that permits seccomp and ptrace")
    assert said.report["auto"]["with_run"] | {"reason": ""} == {"executor": "", "ok": False, "reason": ""}


@pytest.mark.docker
@pytest.mark.root
def test_in_the_builder_image(docker: Docker, builder_image: str) -> None:
    said = in_builder_image(docker, builder_image, (), ["--format=json"])
    assert said.code == 0, said.out + said.err
    assert said.outcomes()["in-place"] == UNTESTED
    assert "rests on the probe" in said.executor("in-place")["self_test"]["detail"]
    assert said.report["auto"]["with_run"]["executor"] == "in-place"
    assert said.report["container"]["builder_image"]
    user = in_builder_image(docker, builder_image, RESTRICTED, ["--format=json"])
    assert user.outcomes()["ptrace"] == PASSED, user.out + user.err
    assert user.report["advice"]["buys"] == "in-place"
    text = in_builder_image(docker, builder_image, RESTRICTED, [])
    assert text.code == 0
    assert "  with RUN              ptrace" in text.out


@pytest.mark.docker
@pytest.mark.root
def test_the_job_goes_on_after_the_doctor(docker: Docker, builder_image: str) -> None:
    """Nothing is replaced, and nothing stays behind: no file, and no process."""
    files = "find / -xdev -path /proc -prune -o -print"
    names = "for p in /proc/[0-9]*; do read -r name < $p/comm && echo process $name; done"
    script = f"{files}; echo then; ci-builder doctor >/dev/null; echo code $?; {names}; {files}"
    done = docker.run("run", "--rm", "--entrypoint=", builder_image, "sh", "-c", script)
    before, _, after = done.stdout.decode().partition("\nthen\n")
    assert "/ci-builder/bin/ci-builder" in before.splitlines()
    left = set(after.splitlines()) ^ set(before.splitlines())
    assert left == {"code 0", "process sh"}, done.stderr.decode()


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'python3() { "$PYTHON" "$@"; }; python3 -m ci_builder.cli doctor | head -1'],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHON": sys.executable, "HOME": str(tmp_path)},
    )
    assert (done.stdout, done.stderr) == ("surroundings\n", "")


@pytest.mark.parametrize("pause", [0.6, 0.9, 1.2])
def test_a_signal_leaves_nothing_behind(pause: float, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "ci_builder.cli", "doctor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)},
        preexec_fn=default_signals,
    )
    time.sleep(pause)
    process.terminate()
    text, _ = process.communicate(timeout=30)
    # It may have been quick.
    assert process.returncode in (143, 0), text
    assert os.listdir(tmp_path / "tmp") == []
    assert "Traceback" not in text
