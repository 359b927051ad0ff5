"""The pieces that adapters read with."""

from __future__ import annotations

import json
from pathlib import Path

import git
import pytest

from ci_builder.ci.git_facts import git_facts
from ci_builder.ci.inputs import NAMES, UNSUPPORTED, Inputs, read_inputs
from ci_builder.ci.interface import GitFacts, Reading
from ci_builder.ci.names import branch_of, host_of, image_tag
from ci_builder.ci.observe import observe
from ci_builder.ci.secrets import masks_of
from ci_builder.errors import Unsupported, UsageError
from ci_builder.oci.reference import Reference
from ci_builder.request import Login, Request, SecretSpec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.2.3", "v1.2.3"),
        ("feature/x#1", "feature-x-1"),
        (".hidden", "hidden"),
        ("-x", "x"),
        ("/x", "x"),
        ("_x", "_x"),
        ("a" * 130, "a" * 128),
        ("größe", "gr-e"),
        ("///", ""),
    ],
)
def test_image_tag(text: str, expected: str) -> None:
    assert image_tag(text) == expected
    if expected:
        assert Reference.parse(f"example.com/x:{expected}").tag == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://registry.example.com:5000/v2/", "registry.example.com:5000"),
        ("registry.example.com/team/", "registry.example.com/team"),
        ("HTTP://127.0.0.1:5000", "127.0.0.1:5000"),
        ("", ""),
    ],
)
def test_host_of(text: str, expected: str) -> None:
    assert host_of(text) == expected


def test_branch_of() -> None:
    assert [branch_of(text) for text in ("origin/main", "refs/heads/a/b", "refs/remotes/origin/c", "d")] == [
        "main",
        "a/b",
        "c",
        "d",
    ]


@pytest.mark.parametrize(
    ("text", "commas", "expected"),
    [
        ("a\n\n  b  \n# no\nc,d", False, ["a", "b", "c,d"]),
        ("a, b\nc", True, ["a", "b", "c"]),
        ('"A=1\n2"\nB="x"', False, ["A=1\n2", 'B="x"']),
        ("A=1,2\r\nB", False, ["A=1,2", "B"]),
        ("", True, []),
    ],
)
def test_lists(text: str, commas: bool, expected: list[str]) -> None:
    assert Inputs({"x": text}).lines("x", commas=commas) == expected


def test_json_wins_over_variables_unless_it_is_empty() -> None:
    environment = {
        "CI_BUILDER_INPUTS": json.dumps({"tags": "json", "file": "", "push": True}),
        "CI_BUILDER_TAGS": "variable",
        "CI_BUILDER_FILE": "variable",
    }
    inputs = read_inputs(environment)
    assert (inputs.text("tags"), inputs.text("file"), inputs.flag("push", False)) == (
        "json",
        "variable",
        True,
    )


@pytest.mark.parametrize("text", ["no", "[]", '{"tags": ["a"]}'])
def test_malformed_json(text: str) -> None:
    with pytest.raises(UsageError):
        read_inputs({"CI_BUILDER_INPUTS": text})


def test_nothing_that_is_not_done_is_wanted_where_it_is_turned_off() -> None:
    off = "type=provenance,disabled=true\ntype=sbom,disabled=true\n"
    read_inputs({"CI_BUILDER_INPUTS": json.dumps({"attests": off, "sbom": "false", "load": False})})
    for inputs in ({"attests": f"{off}type=sbom"}, {"attests": "type=sbom"}, {"sbom": "true"}):
        with pytest.raises(Unsupported):
            read_inputs({"CI_BUILDER_INPUTS": json.dumps(inputs)})


def test_each_of_dockers_inputs_is_known() -> None:
    names = """add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to call
        cgroup-parent context file labels load network no-cache no-cache-filters outputs platforms provenance
        pull push sbom secrets secret-envs secret-files shm-size ssh tags target ulimit github-token"""
    assert set(names.split()) <= NAMES | UNSUPPORTED.keys()


def test_masks() -> None:
    logins = [Login("r", "bob", "pass"), Login("q", identity_token="identity")]
    secrets = [SecretSpec("k", value='{\n  "key": "abcd"\n}\n'), SecretSpec("s", value="ab")]
    assert masks_of(logins, secrets, {"DOCKER_AUTH_CONFIG": "broken"}) == (
        '"key": "abcd"',
        "Ym9iOnBhc3M=",
        "identity",
        "pass",
        "ab",
    )


def test_nothing_secret_is_in_a_repr() -> None:
    reading = Reading(
        request=Request(logins=(Login("r", "bob", "pass"),), secrets=(SecretSpec("s", value="pass"),)),
        masks=("pass",),
        lines=("::add-mask::pass",),
    )
    assert "pass" not in repr(reading)
    assert "pass" not in repr(observe({"X": "pass"}, Path()))
    assert "pass" not in repr(Inputs({"password": "pass"}))


def test_git_facts(tmp_path: Path) -> None:
    assert git_facts(tmp_path) == GitFacts()
    repository = git.Repo.init(tmp_path, initial_branch="main")
    assert git_facts(tmp_path) == GitFacts()
    author = git.Actor("A", "a@example.com")
    first = repository.index.commit("one", author=author, committer=author)
    repository.create_tag("v1")
    second = repository.index.commit("two", author=author, committer=author)
    repository.create_remote("origin", "https://user:s3cret@example.com/x.git")
    assert git_facts(tmp_path) == GitFacts(second.hexsha, "", "main", "https://example.com/x.git")
    repository.git.checkout("v1")
    (tmp_path / "below").mkdir()
    assert git_facts(tmp_path / "below") == GitFacts(first.hexsha, "v1", "", "https://example.com/x.git")


def test_observe(tmp_path: Path) -> None:
    situation = observe({"A": "b"}, tmp_path)
    (tmp_path / "event.json").write_text('{"number": 1}')
    (tmp_path / "broken.json").write_text("[")
    assert situation.event(str(tmp_path / "event.json")) == {"number": 1}
    assert situation.event(str(tmp_path / "broken.json")) == {}
    assert situation.event("") == {}
    assert situation.token != observe({}, tmp_path).token
    assert len(situation.token) == 32
