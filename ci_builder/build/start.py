"""Everything that can be asked about a build, from a Request.

Each begins with reading the build context and the Dockerfile. What does the rest is imported after that,
since imports are most of a start (issue 5, "Start-up").
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ci_builder.build.reading import read
from ci_builder.build.surroundings import Surroundings
from ci_builder.request import Request, Result

if TYPE_CHECKING:
    from ci_builder.build.checks import Checked
    from ci_builder.build.outline import Outline
    from ci_builder.build.preview import Prospect
    from ci_builder.dockerfile.dockerfile import Dockerfile
    from ci_builder.dockerfile.targets import Target


def build(request: Request, surroundings: Surroundings) -> Result:
    """Build what ``request`` asks for and write it to its outputs.

    Everything that can be wrong is looked for before the first instruction runs: names, the Dockerfile,
    outputs, permission to push, bases. Raises CiBuilderError; whatever happens, the build's private
    folder is removed.
    """
    with read(request, surroundings) as reading:
        from ci_builder.build import schedule

        return schedule.build(reading)


def check(request: Request, surroundings: Surroundings) -> Checked:
    """Lint the Dockerfile without building it: every stage, or those that a given target needs. Raises
    CiBuilderError for a request or a Dockerfile that cannot be read."""
    with read(request, surroundings) as reading:
        from ci_builder.build import schedule

        return schedule.check(reading)


@contextlib.contextmanager
def looked_ahead(request: Request, surroundings: Surroundings) -> Iterator[Prospect]:
    """A build up to where it would do something: no instruction runs, no layer is moved, nothing is written.
    What ADD names by URL or repository is fetched, where only its content tells whether it is another one.
    Raises CiBuilderError."""
    with read(request, surroundings) as reading:
        from ci_builder.build import schedule

        yield schedule.looked_ahead(reading)


def targets(request: Request, surroundings: Surroundings) -> tuple[Target, ...]:
    """The stages of the Dockerfile that ``request`` names. Raises CiBuilderError."""
    with read(request, surroundings) as reading:
        from ci_builder.build import schedule

        return schedule.targets(reading)


def outlined(request: Request, surroundings: Surroundings) -> tuple[Outline, Dockerfile]:
    """What the target of ``request`` takes from outside, without asking for its bases. Raises
    CiBuilderError."""
    with read(request, surroundings) as reading:
        from ci_builder.build import schedule

        return schedule.outlined(reading)
