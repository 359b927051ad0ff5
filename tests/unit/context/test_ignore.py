"""The meaning of .dockerignore."""

from __future__ import annotations

import os

import pytest

from ci_builder.context.ignore import clean, parse
from ci_builder.errors import ContextError


def excluded(text: str, path: str) -> bool:
    return parse(text).excludes(os.fsencode(path))


SINGLE = [
    ("**", "file", True),
    ("**/", "dir/file", True),
    ("**/**", "dir/file", True),
    ("dir/**", "dir/file", True),
    ("dir/**", "dir", False),
    ("dir/**", "dirx/file", False),
    ("**/dir", "dir/file", True),
    ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/**", "dir/dir2/dir3/file", True),
    ("**file", "dir/otherfile", True),
    ("**/file", "dir/otherfile", False),
    ("**/file", "file", True),
    ("**/fi?e", "dir/file", True),
    ("**fi?e", "dir/xfile", False),
    ("**/**/*.txt", "file.txt", True),
    ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("a**/*.txt", "a/dir/dir/file.txt", True),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a/*.txt**", "a/file.txt", True),
    ("a[b-d]e", "ace", True),
    ("a[^b-d]e", "aze", True),
    (".*", "foo", False),
    ("abc.def", "abcZdef", False),
    ("a(b)c/def", "a(b)c/def", True),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    ("*.txt", "dir/file.txt", False),
    ("*/temp*", "dir/temporary.txt", True),
    ("*/*/temp*", "a/b/temp", True),
    ("dir", "dir/deep/file", True),
    ("dir/", "dir/file", True),
    ("/dir", "dir/file", True),
    ("./dir/../other/", "other/file", True),
    ("   spaced   ", "spaced", True),
    ("dir\r", "dir", True),
    ("\ufeffdir", "dir", True),
    ("# dir", "# dir", False),
    (" #dir", "#dir", True),
    ("\\#dir", "#dir", True),
    (".", "file", False),
    ("/", "file", False),
    ("..", "file", False),
    ("*", "a/b/c", True),
    ("", "file", False),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), SINGLE)
def test_single_pattern(pattern: str, path: str, expected: bool) -> None:
    assert excluded(pattern, path) is expected


SEVERAL = [
    ("docs\n!docs/README.md", "docs/README.md", False),
    ("docs\n!docs/README.md", "docs/other.md", True),
    ("docs/*\n!docs/README.md", "docs/README.md", False),
    ("!file.go\n*.go", "file.go", True),
    ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
    ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
    ("**\n!util/docker/web", "util/docker/web/foo", False),
    ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", True),
    ("*\n!/src", "src/deep/main.c", False),
    ("*\n! /src", "src/deep/main.c", False),
    ("*\n!src\nsrc/**/*.o", "src/a/b/x.o", True),
    ("*/bar\n!foo", "foo/bar", True),
]


@pytest.mark.parametrize(("text", "path", "expected"), SEVERAL)
def test_last_match_wins(text: str, path: str, expected: bool) -> None:
    assert excluded(text, path) is expected


@pytest.mark.parametrize(
    ("text", "directory", "expected"),
    [
        ("node_modules", "node_modules", True),
        ("node_modules", "src", False),
        ("*\n!src", "node_modules", True),
        ("*\n!src/lib", "src", False),
        ("*\n!src/lib", "src/other", True),
        ("*\n!**/*.c", "anything/deep", False),
        ("*\n!src/*.c", "src", False),
        ("*\n!src/*.c", "doc", True),
    ],
)
def test_prunes(text: str, directory: str, expected: bool) -> None:
    assert parse(text).prunes(os.fsencode(directory)) is expected


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    ignore = parse("a\n!a/b\na/b/c")
    asked = [b"a/b/c/d", b"a/b/x", b"a/y", b"a/b/c/d"]
    assert [ignore.excludes(path) for path in asked] == [True, False, True, True]


def test_names_that_are_no_text() -> None:
    assert parse("*.bin").excludes(b"\xff\xfe.bin")


@pytest.mark.parametrize(
    ("text", "line"), [("ok\n[a", 2), ("!", 1), ("a\n\n!  \n", 3), ("!/", 1), ("!/.", 1)]
)
def test_wrong_lines_are_named(text: str, line: int) -> None:
    with pytest.raises(ContextError, match=f"^my.dockerignore:{line}: "):
        parse(text, "my.dockerignore")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "."),
        ("a//b/./c/", "a/b/c"),
        ("a/../..", ".."),
        ("/../a", "/a"),
        ("../../a", "../../a"),
        ("//", "/"),
    ],
)
def test_clean(path: str, expected: str) -> None:
    assert clean(path) == expected


@pytest.mark.parametrize("text", ["", "*", "!a", "!a/b/c", "*\n!**"])
def test_a_folder_that_is_left_out_whatever_was_said(text: str) -> None:
    ignore = parse(text).without("a/b")
    assert [ignore.excludes(path) for path in (b"a/b", b"a/b/c", b"a/b/c/d")] == [True] * 3
    assert ignore.excludes(b"a/bc") == excluded(text, "a/bc")
