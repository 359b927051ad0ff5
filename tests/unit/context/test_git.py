"""Git contexts, from real repositories on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import git
import pytest

from ci_builder.context.context import Place
from ci_builder.context.dockerfile import read_dockerfile
from ci_builder.context.git import Remote, _child_environment, is_git, parse_remote
from ci_builder.context.opening import open_context
from ci_builder.errors import ContextError, Unsupported

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


def test_queries_are_refused() -> None:
    with pytest.raises(Unsupported, match="query"):
        parse_remote("https://example.com/x.git?branch=main", {})
