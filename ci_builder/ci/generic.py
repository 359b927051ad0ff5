"""Any other CI, or none: the login and the image's name by plain variables, the revision by the system's.

The rows are from the documentation of the systems; what their variables do not say, git does.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.interface import Reading, Report, Situation
from ci_builder.ci.names import branch_of, image_tag
from ci_builder.ci.plain import read_plain, report_plain
from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice
from ci_builder.request import Result
from ci_builder.values import dataclass

DOTENV = "ci-builder.env"


@dataclass(frozen=True, slots=True)
class System:
    """The variables of one CI system; ``marker`` is there in each of its jobs."""

    marker: str
    tag: str
    change: str
    branch: str


SYSTEMS = (
    System("BITBUCKET_BUILD_NUMBER", "BITBUCKET_TAG", "BITBUCKET_PR_ID", "BITBUCKET_BRANCH"),
    System("TF_BUILD", "", "SYSTEM_PULLREQUEST_PULLREQUESTID", "BUILD_SOURCEBRANCH"),
    System("CIRCLECI", "CIRCLE_TAG", "CIRCLE_PR_NUMBER", "CIRCLE_BRANCH"),
    System("DRONE", "DRONE_TAG", "DRONE_PULL_REQUEST", "DRONE_BRANCH"),
    System("CI_PIPELINE_EVENT", "CI_COMMIT_TAG", "CI_COMMIT_PULL_REQUEST", "CI_COMMIT_BRANCH"),
    System("BUILDKITE", "BUILDKITE_TAG", "BUILDKITE_PULL_REQUEST", "BUILDKITE_BRANCH"),
)


class Generic:
    """The adapter that matches everywhere."""

    name = "generic"

    def matches(self, environment: Mapping[str, str]) -> bool:
        """Always."""
        del environment
        return True

    def read(self, situation: Situation) -> Reading:
        """``$IMAGE`` with the tag, the change request ``pr-N`` or the branch that is built."""
        return read_plain(situation.environment, _names(situation), DOTENV)

    def report(
        self,
        situation: Situation,
        reading: Reading,
        outcome: Result | CiBuilderError,
        warnings: tuple[Notice, ...] = (),
    ) -> Report:
        """A file of assignments."""
        del situation, reading, warnings
        return report_plain(outcome, DOTENV)


def _names(situation: Situation) -> list[str]:
    environment = situation.environment
    for system in SYSTEMS:
        if environment.get(system.marker):
            return _names_of(system, situation)
    facts = situation.git()
    name = facts.tag or facts.branch
    return [image_tag(name)] if name else []


def _names_of(system: System, situation: Situation) -> list[str]:
    environment = situation.environment
    tag = environment.get(system.tag, "")
    branch = environment.get(system.branch, "")
    change = environment.get(system.change, "")
    if branch.startswith("refs/tags/"):
        tag, branch = branch.removeprefix("refs/tags/"), ""
    if tag:
        return [image_tag(tag)]
    if change not in ("", "false"):
        return [f"pr-{image_tag(change)}"]
    name = branch_of(branch) or situation.git().branch
    return [image_tag(name)] if name else []
