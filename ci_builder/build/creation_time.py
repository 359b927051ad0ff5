"""When an image says it was created: now, or SOURCE_DATE_EPOCH (reproducible-builds.org's specification)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from ci_builder.errors import UsageError
from ci_builder.request import Request

_NAME = "SOURCE_DATE_EPOCH"


def fixed_time(request: Request, environment: Mapping[str, str]) -> str:
    """RFC 3339 of the build argument SOURCE_DATE_EPOCH, else of the variable (as buildx passes it on),
    else empty. Raises UsageError for what is no number of seconds since 1970."""
    text = dict(request.build_args).get(_NAME, environment.get(_NAME, ""))
    if not text:
        return ""
    try:
        moment = datetime.datetime.fromtimestamp(int(text), datetime.timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{_NAME}={text}: not a number of seconds since 1970") from error
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """RFC 3339 of this moment, in UTC."""
    moment = datetime.datetime.now(datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
