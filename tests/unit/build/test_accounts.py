"""USER and --chown in numbers, as runc and BuildKit resolve them."""

from __future__ import annotations

import pytest

from ci_builder.build.accounts import Account, resolve_owner, resolve_user
from ci_builder.errors import CiBuilderError

PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\n# comment\nbroken\napp:x:1000:1001::/home/app:/bin/sh\nnohome:x:5:5::\n"
)
GROUP = b"root:x:0:\nadm:x:4:root,app\napp:x:1001:\nwheel:x:10:app\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Account(0, 0, (0, 4), "/root")),
        ("root", Account(0, 0, (0, 4), "/root")),
        ("app", Account(1000, 1001, (4, 10, 1001), "/home/app")),
        ("1000", Account(1000, 1001, (4, 10, 1001), "/home/app")),
        ("app:wheel", Account(1000, 10, (10,), "/home/app")),
        ("app:77", Account(1000, 77, (77,), "/home/app")),
        ("4711", Account(4711, 0, (0,), "/")),
        ("4711:4712", Account(4711, 4712, (4712,), "/")),
    ],
)
def test_user(text: str, expected: Account) -> None:
    assert resolve_user(text, PASSWD, GROUP) == expected


def test_scratch_has_no_accounts() -> None:
    assert resolve_user("", b"", b"") == Account(0, 0, (0,), "/")
    assert resolve_user("65534:65534", b"", b"") == Account(65534, 65534, (65534,), "/")
    for text in ("root:root", "root:0", "0:root"):
        assert resolve_user(text, b"", b"") == Account(0, 0, (0,), "/")
    for text in ("root", "root:staff", "staff:root"):
        with pytest.raises(CiBuilderError):
            resolve_user(text, b"", b"")


@pytest.mark.parametrize("text", ["nobody", "app:nogroup", "9999999999", ":nogroup"])
def test_unknown(text: str) -> None:
    with pytest.raises(CiBuilderError):
        resolve_user(text, PASSWD, GROUP)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("app", (1000, 1001)), ("app:adm", (1000, 4)), ("55", (55, 55)), ("55:66", (55, 66)), (":adm", (0, 4))],
)
def test_owner(text: str, expected: tuple[int, int]) -> None:
    assert resolve_owner(text, PASSWD, GROUP) == expected
