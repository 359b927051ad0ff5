"""Git contexts, from real repositories on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import git
import pytest

from ci_builder.context.context import Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.git import Remote, _child_environment, is_git, parse_remote
from ci_builder.context.opening import open_context
from ci_builder.errors import ContextError
from tests.unit.context.git_server import LOGIN, serve_git

MakePlace = Callable[..., Place]
AUTHOR = git.Actor("A", "a@example.com")


@pytest.fixture
def origin(tmp_path: Path) -> git.Repo:
    """``x.git``, whose app/Dockerfile is FROM two on main, FROM one at the tag v1, FROM three on a branch."""
    repository = git.Repo.init(tmp_path / "x.git", initial_branch="main")
    for text, tag in (("one", "v1"), ("two", "")):
        _commit(repository, text)
        if tag:
            repository.create_tag(tag)
    repository.git.checkout("-b", "feature/x")
    _commit(repository, "three")
    repository.git.checkout("main")
    return repository


def _commit(repository: git.Repo, text: str) -> None:
    path = Path(repository.working_dir) / "app/Dockerfile"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"FROM {text}\n")
    repository.index.add(["app/Dockerfile"])
    repository.index.commit(text, author=AUTHOR, committer=AUTHOR)


def from_text(origin: git.Repo, fragment: str, place: Place) -> str:
    context = open_context(f"file://{origin.working_dir}{fragment}", "", place)
    assert not (context.root / ".git").exists()
    return read_dockerfile("", context, place)[0].text


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("#:app", "FROM two\n"),
        ("#main:app", "FROM two\n"),
        ("#refs/heads/main:app", "FROM two\n"),
        ("#v1:app", "FROM one\n"),
        ("#refs/tags/v1:app", "FROM one\n"),
        ("#feature/x:app", "FROM three\n"),
    ],
)
def test_refs(origin: git.Repo, place: MakePlace, fragment: str, expected: str) -> None:
    assert from_text(origin, fragment, place()) == expected


def test_the_time_is_the_commits(origin: git.Repo, place: MakePlace) -> None:
    context = open_context(f"file://{origin.working_dir}#v1:app", "", place())
    assert context.moment == origin.commit("v1").committed_date


@pytest.mark.parametrize("length", [40, 10])
def test_commits(origin: git.Repo, place: MakePlace, length: int) -> None:
    commit = origin.commit("v1").hexsha[:length]
    assert from_text(origin, f"#{commit}:app", place()) == "FROM one\n"


@pytest.mark.parametrize("fragment", ["#nosuch", "#--upload-pack=touch x", "#:missing", "#:../.."])
def test_wrong_refs_and_folders(origin: git.Repo, place: MakePlace, fragment: str) -> None:
    with pytest.raises(ContextError):
        from_text(origin, fragment, place())


def test_a_missing_repository(tmp_path: Path, place: MakePlace) -> None:
    with pytest.raises(ContextError, match="cannot be cloned: "):
        open_context(f"file://{tmp_path}/none.git", "", place())


def test_keeping_git(origin: git.Repo, place: MakePlace) -> None:
    context = open_context(f"file://{origin.working_dir}", "", place(), keep_git=True)
    assert git.Repo(context.root).head.commit == origin.head.commit


def test_a_link_out_of_the_repository(origin: git.Repo, place: MakePlace) -> None:
    (Path(origin.working_dir) / "out").symlink_to("/etc")
    origin.index.add(["out"])
    origin.index.commit("out", author=AUTHOR, committer=AUTHOR)
    with pytest.raises(ContextError, match="outside"):
        from_text(origin, "#:out", place())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://github.com/acme/x.git", True),
        ("https://github.com/acme/x.git#main:sub", True),
        ("git@github.com:acme/x.git", True),
        ("git://example.com/x", True),
        ("ssh://git@example.com/x", True),
        ("github.com/acme/x", True),
        ("https://example.com/x.tar.gz", False),
        ("https://example.com/x.tar.gz#x.git", False),
        ("folder/x.git", False),
        ("C:dir", False),
    ],
)
def test_what_is_a_repository(text: str, expected: bool) -> None:
    assert is_git(text) is expected


def test_credentials_travel_in_the_environment_only() -> None:
    remote = parse_remote("https://bob:s3%40cret@example.com/x.git#v1:sub", {})
    assert remote == Remote("https://example.com/x.git", "v1", "sub", "bob", "s3@cret")
    assert "s3@cret" not in repr(remote)
    variables = _child_environment(remote)
    assert variables["GIT_CONFIG_KEY_0"] == "http.https://example.com/.extraHeader"
    assert variables["GIT_CONFIG_VALUE_0"] == "Authorization: Basic Ym9iOnMzQGNyZXQ="


def test_credentials_of_the_environment() -> None:
    remote = parse_remote("https://example.com/x.git", {"GIT_TOKEN": "t0ken"})
    assert (remote.username, remote.password) == ("x-access-token", "t0ken")
    other = parse_remote("git@example.com:x.git", {"GIT_TOKEN": "t0ken"})
    assert other.password == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?branch=main", Remote("", "refs/heads/main", "")),
        ("?tag=v1&subdir=a/b", Remote("", "refs/tags/v1", "a/b")),
        ("?ref=v1#v1:sub", Remote("", "v1", "sub")),
        ("?commit=0123456789", Remote("", "0123456789", "", checksum="0123456789")),
        ("?ref=v1&checksum=0123456", Remote("", "v1", "", checksum="0123456")),
        ("?keep-git-dir", Remote("", "", "", keep_git=True)),
        ("?keep-git-dir=0&submodules=false", Remote("", "", "", keep_git=False, submodules=False)),
    ],
)
def test_queries(query: str, expected: Remote) -> None:
    url = "https://example.com/x.git"
    assert parse_remote(url + query, {}) == replace(expected, url=url)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?depth=1", "'depth' in the URL's query is unknown"),
        ("?ref=a&ref=b", "'ref' in the URL's query is given twice"),
        ("?ref=", "ref in the URL's query has no value"),
        ("?ref=a#b", "two refs: a and b"),
        ("?subdir=a#:b", "two folders: a and b"),
        ("?tag=a&branch=a", "two refs: refs/heads/a and refs/tags/a"),
        ("?submodules=maybe", "submodules in the URL's query is true or false"),
        ("?commit=main", "invalid commit 'main'"),
        ("?ref=--upload-pack=x", "'--upload-pack=x' is no ref"),
    ],
)
def test_queries_that_mean_nothing(query: str, said: str) -> None:
    with pytest.raises(ContextError, match=re.escape(said)):
        parse_remote(f"https://example.com/x.git{query}", {})


def test_a_remote_over_ssh_lets_no_submodule_read_files_of_this_machine() -> None:
    assert "file" not in _child_environment(Remote("git@example.com:x.git", "", ""))["GIT_ALLOW_PROTOCOL"]


def test_a_server_that_wants_a_password(origin: git.Repo, tmp_path: Path, place: MakePlace) -> None:
    with serve_git(tmp_path) as server:
        address = f"127.0.0.1:{server.server_port}/x.git"
        for url, environment in (
            (f"http://{LOGIN}@{address}", {}),
            (f"http://{address}", {"GIT_USERNAME": "bob", "GIT_PASSWORD": "s3cret"}),
        ):
            context = open_context(f"{url}#v1:app", "", place(environment=environment))
            assert (context.root / "Dockerfile").read_text() == "FROM one\n"
        assert server.refused == 0
        with pytest.raises(ContextError, match="cannot be cloned") as caught:
            open_context(f"http://bob:wr0ng@{address}", "", place())
        assert "wr0ng" not in str(caught.value)
        assert "GIT_TOKEN" in caught.value.hint
        assert server.refused > 0


def test_submodules(origin: git.Repo, tmp_path: Path, place: MakePlace) -> None:
    outer = git.Repo.init(tmp_path / "outer.git", initial_branch="main")
    outer.git.execute(
        ["git", "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "x.git"), "sub"]
    )
    outer.index.commit("submodule", author=AUTHOR, committer=AUTHOR)
    context = open_context(f"file://{outer.working_dir}#:sub/app", "", place())
    assert (context.root / "Dockerfile").read_text() == "FROM two\n"


WITHOUT_GIT = """
from pathlib import Path
from ci_builder.ci.git_facts import git_facts
from ci_builder.ci.interface import GitFacts
from ci_builder.context.git import clone, parse_remote
from ci_builder.errors import Unsupported

assert git_facts(Path.cwd()) == GitFacts()
try:
    clone(parse_remote("https://example.com/x.git", {}), Path("nowhere"))
except Unsupported as error:
    print(error)
"""


def test_without_a_git_program(tmp_path: Path) -> None:
    repository = str(Path(__file__).resolve().parents[3])
    environment = {"PATH": str(tmp_path), "PYTHONPATH": repository}
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_GIT],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.stdout == "a git context needs the program git, which is not here\n"
