"""Jenkins: a shell step with credentials in REGISTRY_USER and REGISTRY_PASSWORD (examples/jenkins).

Sources: the variables of Jenkins and its Git and Branch API plugins.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.interface import Reading, Report, Situation
from ci_builder.ci.names import branch_of, image_tag
from ci_builder.ci.plain import read_plain, report_plain
from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice
from ci_builder.request import Result

PROPERTIES = "ci-builder.properties"


class Jenkins:
    """The adapter."""

    name = "jenkins"

    def matches(self, environment: Mapping[str, str]) -> bool:
        """Every build has the address of its Jenkins, or at least its number and tag."""
        numbered = "BUILD_NUMBER" in environment and "BUILD_TAG" in environment
        return bool(environment.get("JENKINS_URL")) or numbered

    def read(self, situation: Situation) -> Reading:
        """``$IMAGE`` with the tag, the change request ``pr-N`` or the branch that is built."""
        return read_plain(situation.environment, _names(situation), PROPERTIES)

    def report(
        self,
        situation: Situation,
        reading: Reading,
        outcome: Result | CiBuilderError,
        warnings: tuple[Notice, ...] = (),
    ) -> Report:
        """A file for ``readProperties``."""
        del situation, reading, warnings
        return report_plain(outcome, PROPERTIES)


def _names(situation: Situation) -> list[str]:
    environment = situation.environment
    for name in ("TAG_NAME", "GIT_TAG_NAME"):
        if environment.get(name):
            return [image_tag(environment[name])]
    for name in ("CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid"):
        if environment.get(name):
            return [f"pr-{image_tag(environment[name])}"]
    for name in ("BRANCH_NAME", "GIT_LOCAL_BRANCH"):
        if environment.get(name):
            return [image_tag(environment[name])]
    facts = situation.git()
    branch = branch_of(environment.get("GIT_BRANCH", "")) or facts.branch
    return [image_tag(name) for name in (facts.tag or branch,) if name not in ("", "detached", "HEAD")]
