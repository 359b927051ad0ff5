"""SOURCE_DATE_EPOCH: from the build argument, else from the variable; wrong values are errors."""

from __future__ import annotations

import pytest

from ci_builder.build.creation_time import fixed_time
from ci_builder.errors import UsageError
from ci_builder.request import Request


def test_the_argument_wins() -> None:
    request = Request(build_args=(("SOURCE_DATE_EPOCH", "0"),))
    assert fixed_time(request, {"SOURCE_DATE_EPOCH": "5"}) == "1970-01-01T00:00:00Z"
    assert fixed_time(Request(), {"SOURCE_DATE_EPOCH": "1700000000"}) == "2023-11-14T22:13:20Z"
    assert fixed_time(Request(), {}) == ""


@pytest.mark.parametrize("text", ["now", "1.5", "9" * 30])
def test_no_number_of_seconds(text: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        fixed_time(Request(build_args=(("SOURCE_DATE_EPOCH", text),)), {})
