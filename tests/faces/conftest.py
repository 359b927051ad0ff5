"""A project in git, a registry with a password, and the tools that run pipelines for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import git
import pytest

from tests.faces.project import DOCKERFILE, REPOSITORY, Project
from tests.servers.bases import Base
from tests.servers.registry import PASSWORD, USER, RunningRegistry


@pytest.fixture(scope="session")
def base(busybox: Base, password_registry: RunningRegistry) -> str:
    """The small base in the registry with a password."""
    reference = f"{password_registry.host}/base/busybox:latest"
    copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", f"{USER}:{PASSWORD}"]
    subprocess.run([*copy, f"oci:{busybox.layout}:latest", f"docker://{reference}"], check=True)
    return reference


@pytest.fixture
def project(tmp_path: Path, password_registry: RunningRegistry, base: str) -> Project:
    """A repository with a Dockerfile in ``app``, on the branch main."""
    folder = tmp_path / "widget"
    repository = git.Repo.init(folder, initial_branch="main")
    repository.create_remote("origin", "https://git.example.com/acme/widget.git")
    made = Project(folder, password_registry, base, tmp_path / "tools")
    made.write(
        **{
            "app/Dockerfile": DOCKERFILE,
            "app/message": "hello\n",
            "app/secret.txt": "not for the image\n",
            "app/.dockerignore": "*\n!message\n",
        }
    )
    repository.git.update_ref("refs/remotes/origin/main", "HEAD")
    repository.git.symbolic_ref("refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return made


@pytest.fixture
def environment(project: Project, tmp_path: Path) -> dict[str, str]:
    """Variables for a CI: ``ci-builder`` is on the PATH as in the builder image."""
    project.tools.mkdir()
    program = project.tools / "ci-builder"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {REPOSITORY}/entrypoint.py "$@"\n')
    program.chmod(0o755)
    (tmp_path / "home").mkdir()
    found = {
        "PATH": f"{project.tools}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
    }
    # How this machine reaches its package index is no business of a pipeline, but entrypoint.py needs it.
    kept = (
        "PIP_",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT",
        "REQUESTS_CA",
        "http_proxy",
        "https_proxy",
    )
    return found | {name: value for name, value in os.environ.items() if name.startswith(kept)}


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a program, or skips the test."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find
