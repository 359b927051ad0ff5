"""ADD of git repositories, from a real git server that wants a password."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import git
import pytest

from tests.behaviour.web import serve
from tests.compare.builders import Built, run_ours
from tests.compare.entries import Entry
from tests.compare.images import export_ours
from tests.unit.context.git_server import LOGIN, serve_git

AUTHOR = git.Actor("A", "a@example.com")
_COMMITTED = 1_600_000_000


@pytest.fixture
def repository(tmp_path: Path) -> git.Repo:
    """``x.git``: on main ``app/run`` (executable), ``app/link``, ``docs/two.md``; at the annotated tag v1
    only the first."""
    made = git.Repo.init(tmp_path / "repositories/x.git", initial_branch="main")
    top = Path(made.working_dir)
    (top / "app").mkdir()
    (top / "app/run").write_text("#!/bin/sh\n")
    (top / "app/run").chmod(0o700)
    _commit(made, "app/run")
    made.create_tag("v1", message="one")
    (top / "docs").mkdir()
    (top / "docs/two.md").write_text("two")
    (top / "app/link").symlink_to("run")
    _commit(made, "docs/two.md", "app/link")
    return made


def _commit(repository: git.Repo, *names: str) -> None:
    repository.index.add(list(names))
    when = f"{_COMMITTED} +0000"
    repository.index.commit("x", author=AUTHOR, committer=AUTHOR, commit_date=when, author_date=when)


@pytest.fixture
def url(repository: git.Repo, tmp_path: Path) -> Iterator[str]:
    with serve_git(tmp_path / "repositories") as server:
        yield f"http://{LOGIN}@127.0.0.1:{server.server_port}/x.git"


class Build:
    """Builds a Dockerfile; ``number`` of them so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0

    def __call__(self, dockerfile: str, *options: str, **env: str) -> Built:
        self.number += 1
        context = self.folder / f"context-{self.number}"
        (self.folder / "home").mkdir(exist_ok=True)
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM scratch\n{dockerfile}")
        output = f"--output=type=oci,tar=false,dest={self.layout}"
        flags = ["build", "--progress=plain", output, *options, str(context)]
        return run_ours(flags, home=self.folder / "home", env=env)

    @property
    def layout(self) -> Path:
        return self.folder / f"layout-{self.number}"

    def entries(self, dockerfile: str) -> dict[str, Entry]:
        built = self(dockerfile)
        assert built.code == 0, built.text
        return export_ours(self.layout).files.entries


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_files_of_a_repository(build: Build, url: str) -> None:
    entries = build.entries(f"ADD {url} /src\n")
    assert set(entries) == {"src", "src/app", "src/app/run", "src/app/link", "src/docs", "src/docs/two.md"}
    assert (entries["src/app/run"].mode, entries["src/docs/two.md"].mode) == (0o755, 0o644)
    assert (entries["src/app"].mode, entries["src/app/link"].target) == (0o755, "run")
    assert {entry.modified for name, entry in entries.items() if name != "src"} == {_COMMITTED}


def test_ref_folder_owner_mode_and_excludes(build: Build, url: str) -> None:
    entries = build.entries(
        f"""\
ADD {url}#v1 /v1/
ADD --chown=3:4 {url}#main:app /app
ADD --chmod=go= {url}?branch=main&subdir=docs /docs/
ADD --exclude=app --exclude=**/*.txt {url} /rest
"""
    )
    assert {name for name in entries if name.startswith("v1/")} == {"v1/app", "v1/app/run"}
    assert {name for name in entries if name.startswith("app/")} == {"app/run", "app/link"}
    assert (entries["app/run"].uid, entries["app/run"].gid) == (3, 4)
    assert entries["docs/two.md"].mode == 0o600
    assert {name for name in entries if name.startswith("rest/")} == {"rest/docs", "rest/docs/two.md"}


def test_keep_git_dir(build: Build, url: str) -> None:
    entries = build.entries(f"ADD --keep-git-dir {url} /one\nADD {url}?keep-git-dir=1#v1 /two/\n")
    assert "one/.git/HEAD" in entries
    assert "two/.git/HEAD" in entries
    secret = LOGIN.split(":")[1].encode()
    for blob in (build.layout / "blobs/sha256").iterdir():
        assert secret not in blob.read_bytes()


def test_a_url_that_does_not_end_in_git(build: Build, url: str) -> None:
    plain = url.removesuffix(".git")
    repositories = build.folder / "repositories"
    os.symlink("x.git", repositories / "x")
    assert "src/docs/two.md" in build.entries(f"ADD --keep-git-dir=false {plain} /src\n")


def test_checksums(build: Build, url: str, repository: git.Repo) -> None:
    commit, tagged = repository.commit("main").hexsha, repository.commit("v1").hexsha
    tag = repository.tag("v1").tag
    assert tag is not None
    for checksum in (tagged, tagged[:7], tag.hexsha):
        assert build(f"ADD --checksum={checksum} {url}#v1 /x\n").code == 0, checksum
    built = build(f"ADD --checksum={commit} {url}#v1 /x\n")
    assert built.code != 0
    assert "Dockerfile:2" in built.text
    assert f"expected {commit}, got {tagged}" in built.text
    assert build(f"ADD {url}?checksum={commit[:12]}&ref=v1 /x\n").code != 0


def test_what_is_not_there(build: Build, url: str) -> None:
    for source, said in ((f"{url}#nothing", "nothing"), (f"{url}#:nowhere", "no folder 'nowhere'")):
        built = build(f"ADD {source} /x\n")
        assert built.code != 0
        assert "Dockerfile:2" in built.text
        assert said in built.text
        assert LOGIN.split(":")[1] not in built.text.split("error:")[1].split("\n")[0]


def test_the_token_of_the_job_goes_nowhere(build: Build, url: str) -> None:
    _, _, address = url.partition("@")
    user, _, password = LOGIN.partition(":")
    built = build(f"ADD http://{address} /x\n", GIT_USERNAME=user, GIT_PASSWORD=password)
    assert built.code != 0
    assert "cannot be cloned" in built.text
    assert "--secret id=GIT_AUTH_TOKEN.HOST" in built.text


def test_a_secret_opens_a_repository(build: Build, url: str) -> None:
    _, _, address = url.partition("@")
    host = address.partition("/")[0]
    header = "Basic " + base64.b64encode(LOGIN.encode()).decode()
    for name, ends in ((f"GIT_AUTH_HEADER.{host}", 0), ("GIT_AUTH_HEADER", 0), ("GIT_AUTH_HEADER.other", 1)):
        built = build(f"ADD http://{address} /x\n", f"--secret=id={name},env=HEADER", HEADER=header)
        assert bool(built.code) == bool(ends), (name, built.text)
        assert header not in built.text


@pytest.mark.parametrize("address", ["git@127.0.0.1:x.git", "ssh://git@127.0.0.1/x.git"])
def test_the_keys_of_the_job_are_not_used_unasked(build: Build, address: str) -> None:
    built = build(f"ADD {address} /x\n")
    assert built.code != 0
    assert "Dockerfile:2" in built.text
    assert "reached over ssh, and the build has no --ssh" in built.text


def test_a_web_server_that_knows_nothing_of_git(repository: git.Repo, tmp_path: Path) -> None:
    repository.git.update_server_info()
    top = Path(repository.working_dir)
    files = {f"/{path.relative_to(top)}": path.read_bytes() for path in top.rglob("*") if path.is_file()}
    # git asks with a query first.
    files |= {f"{path}?service=git-upload-pack": data for path, data in files.items()}
    with serve(files) as url:
        entries = Build(tmp_path).entries(f"ADD {url}/.git#v1 /x/\n")
    assert "x/app/run" in entries
    assert "x/docs" not in entries
