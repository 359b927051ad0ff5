"""What Jenkins and the generic CI have in common: a job that says IMAGE and REGISTRY* in its environment.

``IMAGE`` is the repository to push to, or a whole reference; ``REGISTRY`` the registry, if it is not in
front of it already; the login is in REGISTRY_USER and REGISTRY_PASSWORD (or REGISTRY_USR and REGISTRY_PSW,
which Jenkins makes of ``REGISTRY = credentials(…)``; REGISTRY itself holds ``user:password`` then).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_builder.ci.assemble import Defaults, assemble, wanted_tags
from ci_builder.ci.inputs import Inputs, read_inputs
from ci_builder.ci.interface import FileWrite, Reading, Report
from ci_builder.ci.names import host_of, tagged
from ci_builder.ci.secrets import login
from ci_builder.ci.told import assignments
from ci_builder.errors import CiBuilderError
from ci_builder.request import Login, Result

_MISSING = "set CI_BUILDER_TAGS, or IMAGE to the repository (and a tag or branch must be known)"


def read_plain(environment: Mapping[str, str], names: list[str]) -> Reading:
    """The build of a job whose revision has these ``names`` (tags of the image, best first).

    Raises UsageError, Unsupported.
    """
    inputs = read_inputs(environment)
    defaults = Defaults(push=True, tags=_default_tags(inputs, environment, names), missing=_MISSING)
    logins = _logins(environment, wanted_tags(inputs, defaults))
    found = assemble(inputs, defaults, logins, environment)
    return Reading(request=found.request, masks=found.masks)


def report_plain(outcome: Result | CiBuilderError, file: str) -> Report:
    """``CI_BUILDER_*`` assignments in ``file`` for the steps that follow."""
    if not isinstance(outcome, Result):
        return Report()
    return Report((), (FileWrite(Path(file), assignments(outcome)),))


def _default_tags(inputs: Inputs, environment: Mapping[str, str], names: list[str]) -> tuple[str, ...]:
    image = inputs.text("repository") or environment.get("IMAGE", "").strip()
    registry = _registry(environment)
    if not image:
        return ()
    if registry and not image.startswith(f"{registry}/"):
        image = f"{registry}/{image}"
    if ":" in image.rpartition("/")[2] or "@" in image:
        return (image,)
    return tagged(image, names)


def _registry(environment: Mapping[str, str]) -> str:
    # With credentials() this variable is the login itself.
    return "" if environment.get("REGISTRY_PSW") else host_of(environment.get("REGISTRY", ""))


def _logins(environment: Mapping[str, str], tags: tuple[str, ...]) -> list[Login]:
    user = environment.get("REGISTRY_USER") or environment.get("REGISTRY_USR") or ""
    password = environment.get("REGISTRY_PASSWORD") or environment.get("REGISTRY_PSW") or ""
    return login(_registry(environment), user, password, tags)
