"""Which layers may be in a cache that is in an image's own repository: that image's, and no others.

Whoever may pull the image can read the cache. Layers of its build stages, and of other targets that the same
build makes, may hold what the image does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ci_builder.build.plan import Plan
from ci_builder.build.targets import targets_of
from ci_builder.oci.reference import Reference
from ci_builder.outputs.choose import Wanted
from ci_builder.request import Request

Repositories = Mapping[str, Set[str]]
"""Names of repositories, each with the targets whose images are there (empty: the build's own)."""


def repositories_of(request: Request, outputs: Sequence[Wanted]) -> Repositories:
    """Where the images go, or would if they were pushed."""
    found: dict[str, set[str]] = {}
    for output in outputs:
        for reference in output.references:
            found.setdefault(reference.name, set()).add(output.target)
    named = [request.cache.image] if request.cache.image else []
    for name in (*named, *(Reference.parse(tag).name for tag in request.tags)):
        found.setdefault(name, {""})
    return found


def stages_of(
    repositories: Repositories, planned: Plan, request: Request, outputs: Sequence[Wanted]
) -> dict[str, Set[int]]:
    """The numbers of the stages that the layers of the images in each repository are made in."""
    numbers = dict(zip(targets_of(request, outputs), planned.targets, strict=True))
    # Where every output names its target, nothing is the build's own one.
    numbers.setdefault("", numbers.get(request.target, -1))
    return {
        name: {stage.index for item in targets if numbers[item] >= 0 for stage in planned.line(numbers[item])}
        for name, targets in repositories.items()
    }
