"""Limits of resources for commands, as ``docker build --ulimit`` has them: setrlimit(2)."""

from __future__ import annotations

import resource
from collections.abc import Iterable

from ci_builder.errors import ExecutorError
from ci_builder.executors.trial import refusal
from ci_builder.request import UNLIMITED, ResourceLimit


def set_limits(limits: Iterable[ResourceLimit]) -> None:
    """Limit this process and those that it starts from now on. Raises ExecutorError."""
    for limit in limits:
        number = getattr(resource, f"RLIMIT_{limit.name.upper()}")
        pair = (_value(limit.soft), _value(limit.hard))
        try:
            resource.setrlimit(number, pair)
        except (ValueError, OSError) as error:
            own = resource.getrlimit(number)[1]
            highest = "unlimited" if own == resource.RLIM_INFINITY else own
            raise ExecutorError(
                f"--ulimit {limit.name}={limit.soft}:{limit.hard} cannot be had: the hard limit of this job "
                f"is {highest}"
            ) from error


def check_limits(limits: tuple[ResourceLimit, ...]) -> None:
    """Try them out. Raises ExecutorError for what commands cannot be given here.

    This process must have one thread.
    """
    reason = refusal(lambda: set_limits(limits)) if limits else ""
    if reason:
        raise ExecutorError(reason, hint="raise the limit of the job's container, or ask for less")


def _value(number: int) -> int:
    return resource.RLIM_INFINITY if number == UNLIMITED else number
