"""When an image says it was created: now, or SOURCE_DATE_EPOCH (reproducible-builds.org's specification).

The build argument of that name counts, else the variable (as buildx passes it on), else what an ARG above
the first FROM says. ``context`` means the time of the build context: a commit's, what a web server says
of the file, the newest file in an archive; a folder has none (BuildKit, docs/build-repro.md).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ci_builder.context.context import Context
from ci_builder.errors import UsageError
from ci_builder.progress import Notice, Progress
from ci_builder.request import Request
from ci_builder.values import dataclass, replace

if TYPE_CHECKING:
    from ci_builder.dockerfile.dockerfile import Dockerfile

_NAME = "SOURCE_DATE_EPOCH"
_CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class CreationTime:
    """``epoch`` in seconds since 1970, None for now; ``request`` with the build argument that says it;
    ``asked``: somebody has asked for a time, even if there is none."""

    epoch: int | None
    request: Request
    asked: bool = True


def check_time(request: Request, environment: Mapping[str, str]) -> None:
    """Raise UsageError for a SOURCE_DATE_EPOCH that is no number of seconds since 1970."""
    _seconds(_asked(request, environment))


def creation_time(
    request: Request, environment: Mapping[str, str], dockerfile: Dockerfile, context: Context, tell: Progress
) -> CreationTime:
    """The time that the build is to say. Raises UsageError for what is no number."""
    if request.epoch is not None:
        return CreationTime(request.epoch, request)
    text = _asked(request, environment) or _declared(dockerfile)
    epoch = context.moment if text == _CONTEXT else _seconds(text)
    if text == _CONTEXT and epoch is None:
        tell(Notice("warning", f"{_NAME}=context: a folder has no time of its own, the image says now"))
    others = tuple(pair for pair in request.build_args if pair[0] != _NAME)
    said = () if epoch is None else ((_NAME, str(epoch)),)
    return CreationTime(epoch, replace(request, build_args=(*others, *said)), asked=bool(text))


def timestamp(epoch: int | None) -> str:
    """RFC 3339 of ``epoch``, empty for None."""
    if epoch is None:
        return ""
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """RFC 3339 of this moment, in UTC."""
    moment = datetime.datetime.now(datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _asked(request: Request, environment: Mapping[str, str]) -> str:
    return dict(request.build_args).get(_NAME, environment.get(_NAME, ""))


def _declared(dockerfile: Dockerfile) -> str:
    found = [dict(item.args).get(_NAME) for item in dockerfile.global_args]
    return next((text for text in reversed(found) if text), "")


def _seconds(text: str) -> int | None:
    if text in ("", _CONTEXT):
        return None
    try:
        epoch = int(text)
        timestamp(epoch)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{_NAME}={text}: not a number of seconds since 1970",
            hint=f"a time in seconds, or {_CONTEXT} for the time of a remote build context",
        ) from error
    if epoch < 0:
        raise UsageError(f"{_NAME}={text}: a time before 1970")
    return epoch
