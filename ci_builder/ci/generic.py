"""Any other CI, or none: the login and the image's name by plain variables, the revision by the system's.

The rows are from the documentation of the systems; what their variables do not say, git does.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.caching import OF_TAGS, of_change
from ci_builder.ci.interface import Reading, Report, Situation
from ci_builder.ci.names import branch_of, image_tag
from ci_builder.ci.plain import Revision, read_plain, report_plain
from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice
from ci_builder.request import Result
from ci_builder.values import dataclass

DOTENV = "ci-builder.env"


@dataclass(frozen=True, slots=True)
class System:
    """The variables of one CI system; ``marker`` is there in each of its jobs, ``target`` is the branch that
    a change is for, ``default`` the project's; both empty where the system does not tell."""

    marker: str
    tag: str
    change: str
    branch: str
    target: str = ""
    default: str = ""


SYSTEMS = (
    System(
        "BITBUCKET_BUILD_NUMBER",
        "BITBUCKET_TAG",
        "BITBUCKET_PR_ID",
        "BITBUCKET_BRANCH",
        "BITBUCKET_PR_DESTINATION_BRANCH",
    ),
    System(
        "TF_BUILD",
        "",
        "SYSTEM_PULLREQUEST_PULLREQUESTID",
        "BUILD_SOURCEBRANCH",
        "SYSTEM_PULLREQUEST_TARGETBRANCH",
    ),
    System("CIRCLECI", "CIRCLE_TAG", "CIRCLE_PR_NUMBER", "CIRCLE_BRANCH"),
    System(
        "DRONE",
        "DRONE_TAG",
        "DRONE_PULL_REQUEST",
        "DRONE_BRANCH",
        "DRONE_TARGET_BRANCH",
        "DRONE_REPO_BRANCH",
    ),
    System(
        "CI_PIPELINE_EVENT",
        "CI_COMMIT_TAG",
        "CI_COMMIT_PULL_REQUEST",
        "CI_COMMIT_BRANCH",
        "CI_COMMIT_TARGET_BRANCH",
        "CI_REPO_DEFAULT_BRANCH",
    ),
    System(
        "BUILDKITE",
        "BUILDKITE_TAG",
        "BUILDKITE_PULL_REQUEST",
        "BUILDKITE_BRANCH",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
        "BUILDKITE_PIPELINE_DEFAULT_BRANCH",
    ),
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
        revision = Revision(_names(situation), _branches(situation))
        return read_plain(situation.environment, revision, DOTENV)

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


def _branches(situation: Situation) -> tuple[str, ...]:
    """A change has a cache of its own: not every system tells whether its branch is the project's."""
    environment = situation.environment
    for system in SYSTEMS:
        if environment.get(system.marker):
            return _branches_of(system, situation)
    facts = situation.git()
    return (OF_TAGS if facts.tag else facts.branch,)


def _branches_of(system: System, situation: Situation) -> tuple[str, ...]:
    environment = situation.environment
    branch = environment.get(system.branch, "")
    change = environment.get(system.change, "")
    default = environment.get(system.default, "")
    if environment.get(system.tag) or branch.startswith("refs/tags/"):
        return (OF_TAGS, default)
    if change not in ("", "false"):
        return (of_change(change), branch_of(environment.get(system.target, "")), default)
    return (branch_of(branch) or situation.git().branch, default)
