"""What a build tells while it goes on: events, rendered by the command line only.

Everything that wants to report takes a ``Progress``; nothing below cli prints.
"""

from __future__ import annotations

from typing import Literal, Protocol

from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins. ``step`` is its number as shown, e.g. ``build 2/5``; ``title`` the instruction."""

    step: str
    title: str


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Bytes that the command of a step wrote to its standard output or error, as they came."""

    step: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended after ``seconds``; ``detail`` is a short remark such as ``layer 12.3 MB``."""

    step: str
    outcome: Literal["done", "cached", "failed"]
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Transferred:
    """A blob that was moved. ``how``: pulled, pushed, mounted or present; ``size`` in bytes."""

    what: str
    how: Literal["pulled", "pushed", "mounted", "present"]
    size: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people. ``file``/``line`` make it an annotation where the CI knows them; ``title`` is the
    name of the lint rule that it is about."""

    level: Literal["debug", "info", "warning"]
    text: str
    file: str = ""
    line: int = 0
    title: str = ""


Event = StepStarted | StepOutput | StepFinished | Transferred | Notice


class Progress(Protocol):
    """Receives events; must be callable from any thread."""

    def __call__(self, event: Event, /) -> None: ...


def silent(event: Event, /) -> None:
    """A Progress that shows nothing."""
