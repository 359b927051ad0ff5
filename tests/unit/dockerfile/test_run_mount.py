"""RUN --mount: what its keys may be, as BuildKit's parseMount and validateMount have it."""

from __future__ import annotations

import pytest

from ci_builder.dockerfile.instructions.run_mount import RunMount, parse_mount
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import DockerfileError
from ci_builder.span import Source, Span


def _parsed(text: str) -> RunMount:
    whole = f"RUN --mount={text} x"
    return parse_mount(Line(Source("f", whole), Span("f", 1, 1), whole, "run", f"--mount={text} x"), text)


def test_types_and_sharing_have_no_case() -> None:
    mount = _parsed("type=Cache,target=/c,sharing=LOCKED")
    assert (mount.kind, mount.sharing) == ("cache", "locked")


@pytest.mark.parametrize("text", ["mode=0o755", "mode=7_55", "mode=+755", "mode=789", "mode=-1", "mode= 755"])
@pytest.mark.parametrize("kind", ["cache,target=/c", "secret,id=s", "ssh"])
def test_modes_are_octal_digits(kind: str, text: str) -> None:
    with pytest.raises(DockerfileError, match="mode"):
        _parsed(f"type={kind},{text}")


@pytest.mark.parametrize("text", ["uid=+5", "uid=1_000", "gid=0x5", "gid=-1", "uid=٣", "gid=4294967295"])
def test_ids_are_digits(text: str) -> None:
    with pytest.raises(DockerfileError, match=text[:3]):
        _parsed(f"type=cache,target=/c,{text}")


def test_numbers() -> None:
    mount = _parsed("type=cache,target=/c,mode=01777,uid=0042,gid=7")
    assert (mount.mode, mount.uid, mount.gid) == (0o1777, 42, 7)


def test_a_secret_has_one_name() -> None:
    assert _parsed("type=secret,source=a").id == "a"
    with pytest.raises(DockerfileError, match="source and id"):
        _parsed("type=secret,id=a,source=b")


@pytest.mark.parametrize(
    ("text", "seeded"),
    [
        ("", False),
        ("from=a", True),
        ("from=a,uid=5", False),
        ("from=a,source=/s,uid=5", True),
        ("uid=5", False),
    ],
)
def test_a_cache_begins_with_what_its_source_holds(text: str, seeded: bool) -> None:
    assert _parsed(f"type=cache,target=/c{',' if text else ''}{text}").seeded is seeded


def test_the_variable_of_a_secret_is_a_name() -> None:
    with pytest.raises(DockerfileError, match="env is the name of a variable, not 'A=B'"):
        _parsed("type=secret,id=a,env=A=B")
