from __future__ import annotations

from email.utils import formatdate

import pytest

from ci_builder.errors import RegistryError
from ci_builder.registry.retry import LONGEST_WAIT, Retry

RETRY = Retry(5, uniform=lambda low, high: high, now=lambda: 1000.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("soon", None),
        ("-3", None),
        (formatdate(1060, usegmt=True), 60.0),
        (formatdate(1060), 60.0),
        (formatdate(1, usegmt=True), 0.0),
    ],
)
def test_asked(header: str, seconds: float | None) -> None:
    assert RETRY.asked(header) == seconds


def test_delay_grows_and_is_bounded() -> None:
    assert [RETRY.delay(attempt, None) for attempt in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    low = Retry(5, uniform=lambda low, high: low)
    assert low.delay(1, None) == 0.5
    assert RETRY.delay(0, 20.0) >= 20


def test_again() -> None:
    temporary = RegistryError("x", temporary=True)
    assert RETRY.again(temporary, 4, None)
    assert not RETRY.again(temporary, 5, None)
    assert not RETRY.again(RegistryError("x"), 0, None)
    assert not RETRY.again(temporary, 0, LONGEST_WAIT + 1)
    refused = RegistryError("x", temporary=True, code="REFUSED")
    assert [RETRY.again(refused, attempt, None) for attempt in range(3)] == [True, True, False]
    assert not Retry(0).again(temporary, 0, None)
    silence = RegistryError("x", temporary=True, code="TIMEOUT")
    assert RETRY.again(silence, 0, None)
    impatient = Retry(5, after_silence=False)
    assert not impatient.again(silence, 0, None)
    assert impatient.again(temporary, 0, None)
    assert not Retry(5, longest=5).again(temporary, 0, 6)
