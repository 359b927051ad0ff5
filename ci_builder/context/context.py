"""What every build context ends as: a folder on disk, and what is left out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from ci_builder.context.ignore import Ignore
from ci_builder.values import dataclass, field

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class Context:
    """A folder that COPY takes files from.

    name        what messages call it, such as ``the build context``
    root        the folder, absolute, every symbolic link in its path followed
    ignore      what .dockerignore leaves out
    unpacked    the folder was made for this build out of an archive or a clone: paths such as the
                Dockerfile's are meant inside it
    dockerfile  the text of the Dockerfile if the context was nothing but that, else empty
    from_stdin  standard input was read for it
    moment      its time in seconds since 1970: the commit's, the web server's, the newest file's of an
                archive; None for a folder
    """

    name: str
    root: Path
    ignore: Ignore = field(default_factory=Ignore)
    unpacked: bool = False
    dockerfile: str = ""
    from_stdin: bool = False
    moment: int | None = None


Sessions: TypeAlias = "Callable[[str], requests.Session]"
"""Gives the HTTP session (authorities, proxy) to be used for a URL."""


@dataclass(frozen=True, slots=True)
class Place:
    """What opening a context may touch.

    directory    what relative paths count from
    temporary    a private folder; each context that is unpacked or cloned gets a folder of its own in it,
                 the caller removes it in the end
    stdin        read for the context or the Dockerfile ``-``
    sessions     HTTP sessions by URL
    environment  variables: GIT_TOKEN and the like
    """

    directory: Path
    temporary: Path
    stdin: BinaryIO
    sessions: Sessions
    environment: Mapping[str, str] = field(repr=False)
