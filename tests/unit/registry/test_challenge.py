from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.registry.challenge import Challenge, parse


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="test"', [("basic", {"realm": "test"})]),
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
            'scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            'Basic realm="a, b", Bearer realm="c",  service=d',
            [("basic", {"realm": "a, b"}), ("bearer", {"realm": "c", "service": "d"})],
        ),
        ('Negotiate abc==, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Negotiate, Basic REALM = x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        (r'Basic realm="say \"hi\" \\"', [("basic", {"realm": r'say "hi" \ '.strip()})]),
        ('Bearer realm="unterminated', [("bearer", {})]),
        (",, Basic realm=x ,,", [("basic", {"realm": "x"})]),
        ("=x", []),
    ],
)
def test_parse(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(item.scheme, dict(item.parameters)) for item in parse(header)] == expected


def test_parameter() -> None:
    challenge = Challenge("bearer", (("realm", "x"),))
    assert challenge.parameter("realm") == "x"
    assert challenge.parameter("scope") == ""


@given(st.text(alphabet='aB ,="\\;\t/:é', max_size=80))
def test_anything_ends(header: str) -> None:
    for challenge in parse(header):
        assert challenge.scheme == challenge.scheme.lower()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_quoted_values_come_back(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    (challenge,) = parse(f'Bearer a="{quoted}",b="{quoted}"')
    assert dict(challenge.parameters) == {"a": value, "b": value}
