"""What COPY makes of two contexts, really copied, beside the keys of the two: where the results are
different, the keys are."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ci_builder.build.action import CopyFiles, Step
from ci_builder.build.caching.inputs import inputs_of_step
from ci_builder.build.copy.source import CopySource
from ci_builder.build.fetch import Fetcher
from ci_builder.build.mounts.caches import Caches
from ci_builder.build.mounts.prepare import MountSources
from ci_builder.build.perform import Performer, perform
from ci_builder.context import ignore
from ci_builder.errors import CiBuilderError
from ci_builder.executors.none import NoneExecutor
from ci_builder.oci.image import scratch
from ci_builder.progress import silent
from ci_builder.rootfs.ownership import KernelOwnership
from ci_builder.rootfs.tree import Tree
from tests.unit.build.caching.world import SPAN, World
from tests.unit.cache.records import AMD64

Node = tuple[str, str, int]
"""A file (content), link (target), folder or another name of a file; and permissions."""

_NAMES = st.sampled_from(("a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/x.md", "x.md"))
_NODES = st.one_of(
    st.tuples(st.just("file"), st.sampled_from(("1", "2")), st.sampled_from((0o644, 0o755, 0o600))),
    st.tuples(st.just("folder"), st.just(""), st.sampled_from((0o755, 0o700))),
    st.tuples(st.just("link"), st.sampled_from(("a", "b", "d")), st.just(0o777)),
    st.tuples(st.just("name"), st.sampled_from(("a", "d/a")), st.just(0o644)),
)
_TREES = st.dictionaries(_NAMES, _NODES, min_size=3, max_size=7)
_SOURCES = st.sampled_from((".", "d", "*", "d/*", "a", "[ab]", "d/e"))
_EXCLUDES = st.sampled_from(((), ("*.md",), ("**/*.md",), ("d", "!d/a"), ("a",), ("*", "!d/e/a")))
_IGNORED = st.sampled_from(("", "*.md", "d\n!d/a", "*\n!d/e", "d/e"))


@st.composite
def _actions(draw: st.DrawFn) -> CopyFiles:
    parents = draw(st.sampled_from(("", "", "d/e", "*", "d/*", "**/a")))
    return CopyFiles(
        "",
        ("." if parents else draw(_SOURCES),),
        (),
        draw(st.sampled_from(("/t", "/t/", "/new/"))),
        draw(st.sampled_from(("", "0:0"))),
        draw(st.sampled_from(("", "0750", "a+x", "go=u"))),
        False,
        draw(_EXCLUDES),
        (parents,) if parents else (),
    )


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[dict[str, Node], dict[str, Node]]:
    """Two trees that differ in one or two things, or in nothing."""
    one = draw(_TREES)
    other = dict(one)
    for _ in range(draw(st.integers(0, 2)) if one else 0):
        name = draw(st.sampled_from(sorted(one)))
        kind, text, mode = one[name]
        if kind in ("file", "folder") and draw(st.booleans()):
            other[name] = (kind, text, mode ^ 0o011)
        elif draw(st.booleans()):
            other[name] = draw(_NODES)
        else:
            other.pop(name, None)
    return one, other


_ON_THE_WAY: tuple[dict[str, Node], dict[str, Node]] = (
    {"d": ("folder", "", 0o755), "d/a": ("file", "1", 0o644), "d/e": ("folder", "", 0o755)},
    {"d": ("folder", "", 0o700), "d/a": ("file", "1", 0o644), "d/e": ("folder", "", 0o755)},
)


def _make(folder: Path, tree: dict[str, Node]) -> Path:
    """The folders first; what has no place is left out."""
    folder.mkdir()
    for name, (kind, _, mode) in sorted(tree.items()):
        if kind == "folder":
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name).chmod(mode)
    for name, (kind, text, mode) in sorted(tree.items()):
        path = folder / name
        with contextlib.suppress(OSError):
            if kind == "file":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                path.chmod(mode)
            elif kind == "link":
                path.symlink_to(text)
            elif kind == "name":
                os.link(folder / text, path, follow_symlinks=False)
    return folder


def _copied(folder: Path, context: Path, ignored: str, action: CopyFiles) -> object:
    """What is in the root file system afterwards; there are a few folders and a file before."""
    folder.mkdir()
    workspace = NoneExecutor(folder, silent).workspace(scratch(AMD64))
    root = Path(workspace.tree.root)
    for name in ("t", "t/d", "t/d/e"):
        (root / name).mkdir(mode=0o755)
    (root / "t/x.md").write_text("there")
    tree = Tree(str(context), KernelOwnership())
    origin = CopySource("the context", tree, keeps_owners=False, ignore=ignore.parse(ignored))

    @contextlib.contextmanager
    def source(_: str) -> Iterator[CopySource]:
        yield origin

    mounts = MountSources(folder, Caches(folder, "", alone=True, waiting=lambda _: None))
    performer = Performer(workspace, workspace.tree, source, cast(Fetcher, None), lambda _: None, mounts)
    try:
        perform(action, performer)
        return _listing(root, workspace.tree)
    except CiBuilderError:
        return None
    finally:
        workspace.close()


def _listing(root: Path, tree: Tree) -> object:
    found: dict[str, object] = {}
    inodes: dict[int, str] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        real = path.lstat()
        status = tree.ownership.status(real)
        content: object = None
        if stat.S_ISLNK(real.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(real.st_mode):
            content = (path.read_bytes(), inodes.setdefault(real.st_ino, name))
        found[name] = (status.mode, status.uid, status.gid, content)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(_ON_THE_WAY, CopyFiles("", (".",), (), "/t", "", "0750", parents=("d/e",)), "", "")
@example(_ON_THE_WAY, CopyFiles("", (".",), (), "/t", "", "0750", excludes=("d", "!d/a")), "", "")
@given(_pairs(), _actions(), _IGNORED, _IGNORED)
def test_other_results_have_other_keys(
    trees: tuple[dict[str, Node], dict[str, Node]], action: CopyFiles, ignored: str, other_ignored: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        keys: list[object] = []
        results = []
        for number, (tree, patterns) in enumerate(zip(trees, (ignored, other_ignored), strict=True)):
            context = _make(top / f"context{number}", tree)
            results.append(_copied(top / f"state{number}", context, patterns, action))
            try:
                keys.append(World(context, ignored=patterns).key(action))
            except CiBuilderError:
                keys.append(None)
                assert results[-1] is None, "a copy without a key"
        if None in results:
            return  # it fails, and is never kept
        assert results[0] == results[1] or keys[0] != keys[1]
        if trees[0] == trees[1] and ignored == other_ignored:
            assert keys[0] == keys[1]


def test_the_inputs_have_names_for_people(tmp_path: Path) -> None:
    context = _make(tmp_path / "context", {"d/a": ("file", "1", 0o644), "x.md": ("file", "2", 0o644)})
    (context / os.fsdecode(b"\xff")).touch()
    world = World(context)

    step = Step(SPAN, "", "", (CopyFiles("", (".",), (), "/t/"),))
    names = [item.name for item in inputs_of_step(step, world.sources())]
    assert {"file d/", "file d/a", "file x.md", "file \\xff", "destination"} <= set(names)
    assert all(name.encode() for name in names)
