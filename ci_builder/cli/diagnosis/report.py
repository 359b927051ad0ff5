"""Everything that the doctor found out, as one value; no secret is in it."""

from __future__ import annotations

from ci_builder.build.advice import Advice
from ci_builder.build.examination import Examination
from ci_builder.executors.surroundings.attempts import Permitted
from ci_builder.executors.surroundings.disk import Room
from ci_builder.executors.surroundings.limits import Limits
from ci_builder.executors.surroundings.mounts import Container
from ci_builder.executors.surroundings.process import Standing
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Answering:
    """One credential: which ``source`` (a file, a variable) answers for ``registry`` (``*``: for every
    other one). ``kind`` is password, identity token, registry token or helper, ``user`` its user name,
    ``helper`` the program's name. ``remark`` says why it will not be used or may fail, or is empty."""

    registry: str
    source: str
    kind: str
    user: str = ""
    helper: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """``trouble`` is why the sources cannot be read, or empty."""

    answering: tuple[Answering, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """``ci`` is the detected CI system (``generic``: none); ``trouble`` is why its variables ask for no
    build, or empty."""

    ci: str
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``rooms`` are (what it is used for, where) pairs; ``proxies`` (variable, value) pairs, masked."""

    version: str
    standing: Standing
    permitted: Permitted
    container: Container
    rooms: tuple[tuple[str, Room], ...]
    limits: Limits
    proxies: tuple[tuple[str, str], ...]
    credentials: Credentials
    job: Job
    examination: Examination
    advice: Advice
