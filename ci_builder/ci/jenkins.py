"""Jenkins: a shell step with credentials in REGISTRY_USER and REGISTRY_PASSWORD (examples/jenkins).

Sources: the variables of Jenkins and its Git and Branch API plugins.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.caching import OF_TAGS, of_change, of_fork
from ci_builder.ci.interface import Reading, Report, Situation
from ci_builder.ci.names import branch_of, image_tag
from ci_builder.ci.plain import Revision, read_plain, report_plain
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
        revision = Revision(_names(situation), _branches(situation))
        return read_plain(situation.environment, revision, PROPERTIES)

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


def _branches(situation: Situation) -> tuple[str, ...]:
    """What is the default branch is told by no variable: the input cache-branches names it."""
    environment = situation.environment
    if environment.get("TAG_NAME") or environment.get("GIT_TAG_NAME"):
        return (OF_TAGS,)
    source, fork = environment.get("CHANGE_BRANCH", ""), environment.get("CHANGE_FORK", "")
    if environment.get("CHANGE_ID") and source:
        return (of_fork(fork, source) if fork else source, environment.get("CHANGE_TARGET", ""))
    for number, target in (
        ("CHANGE_ID", "CHANGE_TARGET"),
        ("ghprbPullId", "ghprbTargetBranch"),
        ("gitlabMergeRequestIid", "gitlabTargetBranch"),
    ):
        if environment.get(number):
            return (of_change(environment[number]), environment.get(target, ""))
    facts = situation.git()
    named = environment.get("BRANCH_NAME") or environment.get("GIT_LOCAL_BRANCH")
    if not named and facts.tag:
        return (OF_TAGS,)
    branch = named or branch_of(environment.get("GIT_BRANCH", "")) or facts.branch
    return ("" if branch in ("detached", "HEAD") else branch,)
