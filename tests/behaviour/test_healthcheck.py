"""HEALTHCHECK: the test, its times and retries in the configuration, on every executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.behaviour.workbench import NONE, Image, Refusal, Refuse, Workbench, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root

_SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="healthcheck",
        dockerfile="""\
FROM busybox
ENV url=http://localhost
SHELL ["/bin/ash", "-c"]
HEALTHCHECK NONE
HEALTHCHECK CMD ["test", "-e", "/ran"]
HEALTHCHECK --interval=0s --retries=0 cmd ["no json"
HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=1h \\
    --start-interval=2.5s --retries=5 CMD get "$url" || no
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_last_one_is_the_configuration_s(image: Image) -> None:
    """Times in nanoseconds (docker's image specification); the text is for docker's CMD-SHELL."""
    assert image.config["Healthcheck"] == {
        "Test": ["CMD-SHELL", 'get "$url" || no'],
        "Interval": 90 * _SECOND,
        "Timeout": _SECOND // 2,
        "StartPeriod": 3600 * _SECOND,
        "StartInterval": 5 * _SECOND // 2,
        "Retries": 5,
    }


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("HEALTHCHECK") == [
        ('HEALTHCHECK &{["NONE"] "0s" "0s" "0s" \'\\x00\'}', False),
        ('HEALTHCHECK &{["CMD" "test" "-e" "/ran"] "0s" "0s" "0s" \'\\x00\'}', False),
        ('HEALTHCHECK &{["CMD-SHELL" "[\\"no json\\""] "0s" "0s" "0s" \'\\x00\'}', False),
        (
            'HEALTHCHECK &{["CMD-SHELL" "get \\"$url\\" || no"] "1m30s" "500ms" "1h0m0s" "2.5s" \'\\x05\'}',
            False,
        ),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("HEALTHCHECK NONE", {"Test": ["NONE"]}),
        ("HEALTHCHECK none", {"Test": ["NONE"]}),
        ('HEALTHCHECK --retries=2 CMD ["a", "b c"]', {"Test": ["CMD", "a", "b c"], "Retries": 2}),
        ("HEALTHCHECK --timeout=1ms CMD a", {"Test": ["CMD-SHELL", "a"], "Timeout": 1_000_000}),
    ],
)
def test_what_is_not_given_is_not_there(workbench: Workbench, line: str, expected: dict[str, Any]) -> None:
    text = f"FROM busybox AS below\nHEALTHCHECK --interval=7s CMD below\nFROM below\n{line}\n"
    assert workbench.image(NONE, Case(name="check", dockerfile=text)).config["Healthcheck"] == expected


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument", ""),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments", ""),
        ("HEALTHCHECK --retries=1 NONE", "HEALTHCHECK NONE takes no arguments", ""),
        ("HEALTHCHECK CMD", "missing command after HEALTHCHECK CMD", ""),
        ("HEALTHCHECK CMD []", "missing command after HEALTHCHECK CMD", ""),
        ("HEALTHCHECK curl x", "unknown type 'curl' in HEALTHCHECK", "try CMD or NONE"),
        ('HEALTHCHECK ["a"]', "unknown type '[\"a\"]' in HEALTHCHECK", "try CMD or NONE"),
        (
            "HEALTHCHECK --interval=5 CMD x",
            "--interval: invalid duration '5'; write for example 30s or 1m30s",
            "",
        ),
        ("HEALTHCHECK --timeout=1us CMD x", "--timeout cannot be less than 1ms", ""),
        ("HEALTHCHECK --start-interval=-1s CMD x", "--start-interval cannot be less than 1ms", ""),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)", ""),
        ("HEALTHCHECK --retries=some CMD x", "--retries: 'some' is not a number", ""),
        (
            "HEALTHCHECK --interval CMD x",
            "the flag --interval of HEALTHCHECK needs a value",
            "write --interval=value",
        ),
        (
            "HEALTHCHECK --interval=1s --interval=2s CMD x",
            "the flag --interval of HEALTHCHECK is given twice",
            "",
        ),
        (
            "HEALTHCHECK --intervall=1s CMD x",
            "unknown flag --intervall for HEALTHCHECK",
            "did you mean --interval?",
        ),
        (
            'HEALTHCHECK CMD ["a", 1]',
            "when using JSON array syntax, arrays must be comprised of strings only",
            "",
        ),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
