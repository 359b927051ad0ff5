"""The files that a step takes: what a copy of them would show is part of the key, and nothing else."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_builder.build.action import Action, Clone, CopyFiles, Fetch, Repository, RunCommand
from ci_builder.dockerfile.instructions.run_mount import RunMount
from tests.unit.build.caching.world import World, make_files


def copy(*sources: str, **fields: object) -> CopyFiles:
    return dataclasses.replace(CopyFiles("", sources, (), "/to/"), **fields)  # type: ignore[arg-type]


def bind(**fields: object) -> RunCommand:
    mount = dataclasses.replace(RunMount("bind", "/b", "src"), **fields)  # type: ignore[arg-type]
    return RunCommand(("make",), (), "/", "", mounts=(mount,))


CLONE = Clone(Repository("https://a.example/r.git"), "/to")
ACTIONS: dict[str, Action] = {
    "folder": copy("src"),
    "wildcards": copy("s*"),
    "everything": copy("."),
    "from a stage": copy("src", origin="stage"),
    "add": copy("src", unpack=True),
    "bind": bind(),
    "bind from a stage": bind(origin="stage"),
    "cache from a stage": bind(kind="cache", origin="stage"),
    "clone": CLONE,
}


def _replace(path: Path, text: str = "content of A.C") -> None:
    assert len(text) == path.stat().st_size
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _unlinked(path: Path) -> None:
    text = path.read_text()
    path.unlink()
    path.write_text(text)
    path.chmod(0o644)


def _into_file(path: Path) -> None:
    path.unlink()
    path.write_text("content of a.c")


def _into_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o644)


def _into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _relink(path: Path, to: str) -> None:
    path.unlink()
    path.symlink_to(to)


def _owned(path: Path) -> None:
    os.chown(path, 1000, 50, follow_symlinks=False)


MATTERS: dict[str, Callable[[Path], object]] = {
    "content of the same size and time": lambda folder: _replace(folder / "src/a.c"),
    "content deep down": lambda folder: (folder / "src/deep/b.c").write_text("other"),
    "an empty file": lambda folder: (folder / "src/a.c").write_text(""),
    "permissions": lambda folder: (folder / "src/a.c").chmod(0o640),
    "the executable bit": lambda folder: (folder / "src/deep/b.c").chmod(0o755),
    "setuid": lambda folder: (folder / "src/a.c").chmod(0o4644),
    "permissions of a folder": lambda folder: (folder / "src/deep").chmod(0o700),
    "permissions of a fifo": lambda folder: (folder / "src/fifo").chmod(0o666),
    "a link's target": lambda folder: _relink(folder / "src/link", "b.c"),
    "a link instead of a file": lambda folder: _relink(folder / "src/a.c", "link"),
    "a file instead of a link": lambda folder: _into_file(folder / "src/link"),
    "a folder instead of a file": lambda folder: _into_folder(folder / "src/deep/b.c"),
    "a fifo instead of a file": lambda folder: _into_fifo(folder / "src/deep/b.c"),
    "a new file": lambda folder: (folder / "src/new").touch(),
    "a new empty folder": lambda folder: (folder / "src/new").mkdir(),
    "a new link": lambda folder: (folder / "src/new").symlink_to("a.c"),
    "a file that is gone": lambda folder: (folder / "src/deep/b.c").unlink(),
    "a folder that is gone": lambda folder: (folder / "src/empty").rmdir(),
    "another name": lambda folder: (folder / "src/deep/b.c").rename(folder / "src/deep/c.c"),
    "another folder": lambda folder: (folder / "src/deep/b.c").rename(folder / "src/empty/b.c"),
    "names exchanged": lambda folder: (
        (folder / "src/deep/b.c").rename(folder / "x"),
        (folder / "src/a.c").rename(folder / "src/deep/b.c"),
        (folder / "x").rename(folder / "src/a.c"),
    ),
    "two names of one file become two files": lambda folder: _unlinked(folder / "src/again"),
}


@pytest.mark.parametrize("how", ACTIONS)
@pytest.mark.parametrize("what", MATTERS)
def test_what_matters(tmp_path: Path, what: str, how: str) -> None:
    before = World(make_files(tmp_path / "a")).key(ACTIONS[how])
    folder = make_files(tmp_path / "b")
    assert World(folder).key(ACTIONS[how]) == before
    MATTERS[what](folder)
    assert World(folder).key(ACTIONS[how]) != before


@pytest.mark.parametrize("how", ACTIONS)
@pytest.mark.parametrize("what", ["src/a.c", "src/deep"])
def test_attributes(tmp_path: Path, what: str, how: str) -> None:
    """They are copied from stages only; a command sees all."""
    folder = make_files(tmp_path / "a")
    before = World(folder).key(ACTIONS[how])
    os.setxattr(folder / what, "user.a", b"1")
    assert (World(folder).key(ACTIONS[how]) != before) == ("stage" in how or how == "bind")


def _touch_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)


def _elsewhere(folder: Path) -> None:
    (folder / "README").write_text("not copied")


def _made_again(folder: Path) -> None:
    """Other inodes, and names in another order in the directory."""
    moved = folder.with_name("moved")
    moved.mkdir()
    for path in sorted((folder / "src").iterdir(), reverse=True):
        if path.name not in ("again", "a.c"):
            path.rename(moved / path.name)
    for path in sorted(moved.iterdir()):
        path.rename(folder / "src" / path.name)


IRRELEVANT: dict[str, Callable[[Path], object]] = {
    "times": _touch_all,
    "files that are not copied": _elsewhere,
    "the order of names in a folder": _made_again,
    "permissions of what is not copied": lambda folder: (folder / "file1").chmod(0o600),
    "permissions of the context itself": lambda folder: folder.chmod(0o700),
    "git's own files": lambda folder: (folder / ".git/index").write_text("times and inodes"),
}


@pytest.mark.parametrize("how", [name for name in ACTIONS if name not in ("everything", "clone")])
@pytest.mark.parametrize("what", IRRELEVANT)
def test_what_does_not_matter(tmp_path: Path, what: str, how: str) -> None:
    before = World(make_files(tmp_path / "here")).key(ACTIONS[how])
    folder = make_files(tmp_path / "in/another/place")
    IRRELEVANT[what](folder)
    assert World(folder).key(ACTIONS[how]) == before


def test_everything_is_its_content(tmp_path: Path) -> None:
    """Of the context's own directory nothing is copied."""
    folder = make_files(tmp_path / "a")
    before = World(folder).key(copy("."))
    _touch_all(folder)
    folder.chmod(0o700)
    os.utime(folder, (1, 1))
    os.setxattr(folder, "user.a", b"1")
    assert World(folder).key(copy(".")) == before
    # A mount shows the directory itself.
    before = World(folder).key(bind(source=""))
    folder.chmod(0o755)
    assert World(folder).key(bind(source="")) != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    world = World(folder)
    actions = {name: world.key(action) for name, action in ACTIONS.items()}
    given = world.key(copy("src", origin="stage", owner="1:1"))
    for path in (folder / "src").rglob("*"):
        _owned(path)
    for name, before in actions.items():
        assert (world.key(ACTIONS[name]) != before) == ("stage" in name), name
    assert world.key(copy("src", origin="stage", owner="1:1")) == given


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices(tmp_path: Path) -> None:
    keys = set()
    for kind, number in ((0o20000, 1), (0o60000, 1), (0o20000, 2)):
        folder = make_files(tmp_path / f"{kind}-{number}")
        os.mknod(folder / "src/device", kind | 0o600, os.makedev(number, 3))
        keys.add(World(folder).key(copy("src")))
    assert len(keys) == 3


@pytest.mark.parametrize("action", [copy("src"), CLONE], ids=["copy", "clone"])
def test_permissions_that_are_replaced(tmp_path: Path, action: CopyFiles | Clone) -> None:
    folder = make_files(tmp_path)
    octal, symbolic = (dataclasses.replace(action, mode=mode) for mode in ("0755", "u+x"))
    before = [World(folder).key(item) for item in (octal, symbolic)]
    (folder / "src/deep/b.c").chmod(0o600)
    assert World(folder).key(octal) == before[0]
    assert World(folder).key(symbolic) != before[1]


def test_permissions_of_folders_on_the_way_are_taken_over(tmp_path: Path) -> None:
    """--chmod is for what is copied; a folder that was there already gets the source's permissions when
    something below it is copied."""
    by_parents = copy(".", parents=("src/deep/b.c",), mode="755")
    by_exclude = copy(".", excludes=("src", "!src/a.c"), mode="755")
    for name, action in (("parents", by_parents), ("exclude", by_exclude)):
        folder = make_files(tmp_path / name)
        before = World(folder).key(action)
        (folder / "src").chmod(0o700)
        assert World(folder).key(action) != before


def test_ignored_and_excluded_files_do_not_count(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    ignoring = World(folder, ignored="src/deep\n**/*.log\n")
    excluding = copy("src", excludes=("deep", "**/*.log"))
    before = (ignoring.key(copy(".")), World(folder).key(excluding), World(folder).key(copy(".")))
    (folder / "src/deep/b.c").write_text("other")
    (folder / "src/deep/new").touch()
    (folder / "src/make.log").touch()
    assert (ignoring.key(copy(".")), World(folder).key(excluding)) == before[:2]
    assert World(folder).key(copy(".")) != before[2]


@pytest.mark.parametrize("ignored", ["src/a.c", "src/deep", "src/*\n!src/deep", "*.c", "**/*.c", ".git", "*"])
def test_an_ignore_file_that_alters_the_set(tmp_path: Path, ignored: str) -> None:
    folder = make_files(tmp_path)
    before = World(folder).key(copy("."))
    assert World(folder, ignored="# nothing\nnot-there\n").key(copy(".")) == before
    if ignored != "*.c":
        assert World(folder, ignored=ignored).key(copy(".")) != before


def test_sources_keep_their_files_apart(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    (folder / "srcx/a.c").write_text("other")
    one = World(folder).key(copy("src*/a.c"))
    (folder / "srcx/a.c").write_text((folder / "src/a.c").read_text())
    (folder / "src/a.c").write_text("other")
    assert World(folder).key(copy("src*/a.c")) != one


def test_a_link_as_source_is_its_file_under_the_links_name(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    (folder / "current").symlink_to("file1")
    before = World(folder).key(copy("current"))
    (folder / "file2").write_text((folder / "file1").read_text())
    _relink(folder / "current", "file2")
    _relink(folder / "current", "file1")
    assert World(folder).key(copy("current")) == before
    (folder / "file1").write_text("other")
    assert World(folder).key(copy("current")) != before


def test_a_download_is_its_content(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    fetch = Fetch("http://a.example/x", "/to")
    one = World(folder, contents={fetch.url: b"1"}).key(fetch)
    assert World(folder, contents={fetch.url: b"2"}).key(fetch) != one
    sealed = dataclasses.replace(fetch, checksum="sha256:" + "0" * 64)
    one = World(folder, contents={fetch.url: b"1"}).key(sealed)
    assert World(folder, contents={fetch.url: b"2"}).key(sealed) == one


def test_what_git_keeps_for_itself_does_not_count(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    keeping = dataclasses.replace(CLONE, repository=Repository(CLONE.repository.url, keep_git=True))
    before = [World(folder).key(action) for action in (CLONE, keeping)]
    (folder / ".git/index").write_text("times and inodes")
    assert [World(folder).key(action) for action in (CLONE, keeping)] == before
    (folder / ".git/HEAD").write_text("0123 another commit")
    assert World(folder).key(CLONE) == before[0]
    assert World(folder).key(keeping) != before[1]


@pytest.mark.parametrize("action", [copy("src"), bind(), bind(kind="cache")], ids=["copy", "bind", "cache"])
def test_a_stage_is_what_it_is_not_what_it_is_called(tmp_path: Path, action: CopyFiles | RunCommand) -> None:
    def of(name: str) -> CopyFiles | RunCommand:
        if isinstance(action, CopyFiles):
            return dataclasses.replace(action, origin=name)
        return dataclasses.replace(action, mounts=(dataclasses.replace(action.mounts[0], origin=name),))

    folder = make_files(tmp_path / "a")
    known = World(folder, stages={"one": "recipe", "two": "recipe", "other": "another"})
    assert known.key(of("one")) == known.key(of("two"))
    assert known.key(of("one")) != known.key(of("other"))
    unknown = World(folder, stage=make_files(tmp_path / "b"))
    assert unknown.key(of("one")) == unknown.key(of("two"))
    assert unknown.key(of("one")) != known.key(of("one"))
    assert known.key(of("one")) != known.key(of(""))
    before = unknown.key(of("one"))
    (tmp_path / "b/src/a.c").write_text("other")
    assert unknown.key(of("one")) != before
    # Its recipe says everything: the files are not looked at.
    shutil.rmtree(folder)
    assert known.key(of("one"))
