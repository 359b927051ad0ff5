"""Folders that stand in for the temporary one."""

from __future__ import annotations

from pathlib import Path

from ci_builder.build.elsewhere import places


def test_never_in_a_context(tmp_path: Path) -> None:
    context, beside = tmp_path / "work" / "context", tmp_path / "beside"
    (context / "sub").mkdir(parents=True)
    beside.mkdir()
    (tmp_path / "link").symlink_to(context)
    wanted = [context, context / "sub", tmp_path / "link" / "new", beside, context.parent]
    assert places(wanted, [context]) == (beside, context.parent)
    assert places(wanted, [Path("/")]) == ()


def test_each_once_in_order_and_as_it_is(tmp_path: Path) -> None:
    new = tmp_path / "not" / "there" / "yet"
    assert places([new, tmp_path, Path("/")], []) == (tmp_path.resolve(), Path("/"))
    assert not new.parent.exists()
