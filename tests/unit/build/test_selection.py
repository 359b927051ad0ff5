"""What --exclude and --parents copy, from a real folder into another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.build.action import CopyFiles, InlineFile
from ci_builder.build.copy.selection import Selection
from ci_builder.build.copy.source import CopySource, find
from ci_builder.build.fetch import Fetcher
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.perform import Performer, perform
from ci_builder.context.ignore import of_patterns, parse
from ci_builder.errors import CiBuilderError
from ci_builder.executors.none import NoneExecutor
from ci_builder.oci.image import scratch
from ci_builder.oci.platform import Platform
from ci_builder.progress import silent
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree

FILES = ("a.txt", "b.md", "d/a.txt", "d/e/a.txt", "d/e/b.md", "d/f/c", "x/a.txt")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "d/link").symlink_to("e")
    (folder / "empty").mkdir()
    return folder


def copied(context: Path, action: CopyFiles) -> set[str]:
    """The files, links and empty folders in the destination ``/t`` after ``action``."""
    state = context.parent / "state"
    state.mkdir(exist_ok=True)
    workspace = NoneExecutor(state, silent).workspace(scratch(Platform("linux", "amd64")))
    origin = CopySource("the build context", Tree(str(context), KernelOwnership()), keeps_owners=False)
    try:
        mounts = MountSources(state, Caches(state, "", alone=True, waiting=lambda _: None))
        performer = Performer(
            workspace, workspace.tree, lambda _: _Opened(origin), _no_fetcher(state), _ignored, mounts
        )
        perform(action, performer)
        top = Path(workspace.tree.root) / "t"
        return {
            os.path.relpath(path, top)
            for path in top.rglob("*")
            if path.is_symlink() or path.is_file() or not any(path.iterdir())
        }
    finally:
        workspace.close()


class _Opened:
    def __init__(self, origin: CopySource) -> None:
        self._origin = origin

    def __enter__(self) -> CopySource:
        return self._origin

    def __exit__(self, *_: object) -> None:
        return None


def _no_fetcher(temporary: Path) -> Fetcher:
    def sessions(url: str) -> None:
        raise AssertionError(url)

    return Fetcher(sessions, temporary)  # type: ignore[arg-type]


def _ignored(_: bytes) -> None:
    return None


def _exclude(*patterns: str, source: str = ".") -> CopyFiles:
    return CopyFiles("", (source,), (), "/t/", excludes=patterns)


def _parents(*below: str, sources: tuple[str, ...] = (), excludes: tuple[str, ...] = ()) -> CopyFiles:
    return CopyFiles("", sources or (".",) * len(below), (), "/t/", parents=below, excludes=excludes)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            _exclude("*.txt"),
            {"b.md", "d/a.txt", "d/e/a.txt", "d/e/b.md", "d/f/c", "d/link", "x/a.txt", "empty"},
        ),
        (_exclude("**/*.txt", "empty"), {"b.md", "d/e/b.md", "d/f/c", "d/link", "x"}),
        (_exclude("d", "!d/e", "x"), {"a.txt", "b.md", "d/e/a.txt", "d/e/b.md", "empty"}),
        (_exclude("*", "!d/f/c"), {"d/f/c"}),
        (_exclude("e", source="d"), {"a.txt", "f/c", "link"}),
        (_exclude("d/e", source="d"), {"a.txt", "e/a.txt", "e/b.md", "f/c", "link"}),
        (_exclude("*.txt", source="*.*"), {"b.md"}),
        (_exclude("a.txt", source="a.txt"), set()),
        (_exclude("d", source="d"), {"a.txt", "e/a.txt", "e/b.md", "f/c", "link"}),
        (_exclude("d", source="[dx]"), {"a.txt"}),
        (_parents("d/e/a.txt"), {"d/e/a.txt"}),
        (_parents("d/e"), {"d/e/a.txt", "d/e/b.md"}),
        (_parents("**/*.md"), {"b.md", "d/e/b.md"}),
        (_parents("d/*/*"), {"d/e/a.txt", "d/e/b.md", "d/f/c"}),
        (_parents("."), set(FILES) | {"d/link", "empty"}),
        (_parents("e", sources=("d",)), {"e/a.txt", "e/b.md"}),
        (_parents("*.txt", sources=("*",)), {"a.txt"}),
        (_parents("empty", "nothing*"), {"empty"}),
        (_parents("d/link"), {"d/link"}),
        (_parents("d", excludes=("**/*.txt", "d/link")), {"d/e/b.md", "d/f/c"}),
    ],
)
def test_what_is_copied(context: Path, action: CopyFiles, expected: set[str]) -> None:
    (context.parent / "t").mkdir()
    assert copied(context, action) == expected


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (_parents("d/nothing"), '"/d/nothing" is not in the build context'),
        (_parents("d/link/a.txt"), "goes through a symbolic link"),
        (_parents("b", sources=("a.txt",)), '"/a.txt/b" is not in the build context'),
    ],
)
def test_what_is_refused(context: Path, action: CopyFiles, said: str) -> None:
    with pytest.raises(CiBuilderError) as caught:
        copied(context, action)
    assert said in str(caught.value)


def test_a_heredoc_can_be_excluded(context: Path) -> None:
    files = (InlineFile("one", b"1"), InlineFile("two", b"2"))
    assert copied(context, CopyFiles("", (), files, "/t/", excludes=("two",))) == {"one"}


_NAMES = st.text("ab", min_size=1, max_size=2)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_PATTERNS = st.lists(
    st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?b"]), min_size=1, max_size=3).map("/".join),
    max_size=3,
)


@given(_PATHS, _PATTERNS, st.lists(st.booleans(), min_size=3, max_size=3))
def test_excludes_are_lines_of_a_dockerignore(path: str, patterns: list[str], signs: list[bool]) -> None:
    texts = [("!" if sign else "") + text for sign, text in zip(signs, patterns, strict=False)]
    wanted = parse("\n".join(texts))
    assert of_patterns(texts).excludes(path.encode()) == wanted.excludes(path.encode())


@given(_PATHS, _PATTERNS, _PATTERNS)
def test_folders_above_what_is_taken_are_entered(path: str, excludes: list[str], below: list[str]) -> None:
    selection = Selection.of(tuple(excludes), below[0] if below else "")
    if not selection.takes(path.encode()):
        return
    parts = path.split("/")
    assert all(selection.enters("/".join(parts[:end]).encode()) for end in range(1, len(parts)))


def test_wildcards_find_what_an_exception_takes_back(context: Path) -> None:
    ignore = parse("*\n!d/*.txt\n!d/e\n")
    origin = CopySource("the build context", Tree(str(context), KernelOwnership()), False, ignore)
    assert [found.path for found in find(origin, "d/*")] == [b"d/a.txt", b"d/e"]
    assert [found.path for found in find(origin, "d/*/*.md")] == [b"d/e/b.md"]
    assert [found.path for found in find(origin, "*")] == [b"d"]
