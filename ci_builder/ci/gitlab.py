"""GitLab CI/CD: gitlab-template.yml, or any job that calls ``ci``.

Source: GitLab's "Predefined CI/CD variables". Without inputs the image of a tag is
``$CI_REGISTRY_IMAGE:$CI_COMMIT_TAG``, that of a branch ``:$CI_COMMIT_REF_SLUG`` (the default branch also
``:latest``), that of a merge request ``:mr-N`` (its branch may have the name of one of the project's).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_builder.ci.assemble import Defaults, assemble, wanted_tags
from ci_builder.ci.caching import OF_TAGS, of_change, of_fork
from ci_builder.ci.code_quality import code_quality
from ci_builder.ci.inputs import Inputs, read_inputs
from ci_builder.ci.interface import FileWrite, Reading, Report, Situation
from ci_builder.ci.names import host_of, image_tag, tagged
from ci_builder.ci.secrets import login
from ci_builder.ci.told import assignments
from ci_builder.errors import CiBuilderError
from ci_builder.progress import Notice
from ci_builder.request import Login, Result

DOTENV = "ci-builder.env"
CODE_QUALITY = "gl-code-quality-report.json"
_SECTION = "ci_builder_build"
_MISSING = "set CI_BUILDER_TAGS (the input tags), or switch the project's container registry on"


class GitLab:
    """The adapter."""

    name = "gitlab"

    def matches(self, environment: Mapping[str, str]) -> bool:
        """GITLAB_CI is there in every job (gitlab-ci-local, which runs the same jobs, makes it false)."""
        return "GITLAB_CI" in environment

    def read(self, situation: Situation) -> Reading:
        """Inputs from CI_BUILDER_* variables, everything else from the predefined ones."""
        environment = situation.environment
        inputs = read_inputs(environment)
        usual = _default_tags(situation, inputs)
        defaults = Defaults(push=True, tags=usual, missing=_MISSING, branches=_branches(situation))
        tags = wanted_tags(inputs, defaults)
        logins = _logins(environment, tags)
        found = assemble(inputs, defaults, logins, environment)
        return Reading(
            request=found.request,
            masks=found.masks,
            lines=_notices(environment) if tags and tags == defaults.tags else (),
            opening=(_section("start", situation, "[collapsed=false]") + "Build the image",),
            debug=environment.get("CI_DEBUG_TRACE") == "true",
            stale=(Path(DOTENV), Path(CODE_QUALITY)),
        )

    def report(
        self,
        situation: Situation,
        reading: Reading,
        outcome: Result | CiBuilderError,
        warnings: tuple[Notice, ...] = (),
    ) -> Report:
        """The end of the section, a dotenv file for the jobs that follow, and a code quality report for the
        merge request when a Dockerfile was read."""
        lines = (_section("end", situation, ""),) if reading.opening else ()
        files = [FileWrite(Path(CODE_QUALITY), code_quality(reading.request, warnings))]
        if not isinstance(outcome, Result):
            return Report(lines, tuple(files) if warnings else ())
        return Report(lines, (FileWrite(Path(DOTENV), assignments(outcome)), *files))


def _default_tags(situation: Situation, inputs: Inputs) -> tuple[str, ...]:
    repository = inputs.text("repository") or situation.environment.get("CI_REGISTRY_IMAGE", "")
    return tagged(repository, _default_names(situation)) if repository else ()


def _default_names(situation: Situation) -> list[str]:
    environment = situation.environment
    tag = environment.get("CI_COMMIT_TAG", "")
    if tag:
        return [image_tag(tag)]
    merge_request = environment.get("CI_MERGE_REQUEST_IID", "")
    if merge_request:
        return [f"mr-{merge_request}"]
    slug = environment.get("CI_COMMIT_REF_SLUG", "") or image_tag(situation.git().branch)
    branch = environment.get("CI_COMMIT_BRANCH", "")
    on_default = bool(branch) and branch == environment.get("CI_DEFAULT_BRANCH")
    return [image_tag(slug), "latest"] if on_default else [image_tag(slug)]


def _branches(situation: Situation) -> tuple[str, ...]:
    environment = situation.environment
    default = environment.get("CI_DEFAULT_BRANCH", "")
    if environment.get("CI_COMMIT_TAG"):
        return (OF_TAGS, default)
    source = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "")
    if source:
        project = environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "")
        own = project == environment.get("CI_MERGE_REQUEST_PROJECT_PATH", "")
        target = environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
        return (source if own else of_fork(project, source), target, default)
    if environment.get("CI_MERGE_REQUEST_IID"):
        return (of_change(environment["CI_MERGE_REQUEST_IID"]), default)
    branch = environment.get("CI_COMMIT_BRANCH") or environment.get("CI_COMMIT_REF_NAME")
    return (branch or situation.git().branch, default)


def _notices(environment: Mapping[str, str]) -> tuple[str, ...]:
    tag = environment.get("CI_COMMIT_TAG", "")
    if tag == image_tag(tag):
        return ()
    return (f"notice: {tag} cannot be the tag of an image; it is pushed as {image_tag(tag)}",)


def _logins(environment: Mapping[str, str], tags: tuple[str, ...]) -> list[Login]:
    def value(name: str) -> str:
        return environment.get(name, "")

    def of(host: str, prefix: str, user: str = "") -> list[Login]:
        names = (f"{prefix}_USER", f"{prefix}_PASSWORD")
        given = value(names[1])
        return login(host, value(names[0]) or user, given, tags, names=names) if host and given else []

    registry = value("CI_REGISTRY")
    found = of(registry, "CI_REGISTRY", "gitlab-ci-token") + of(registry, "CI_DEPLOY")
    # The variable says host:443, references through the proxy say host.
    proxy = host_of(value("CI_DEPENDENCY_PROXY_SERVER"))
    for host in dict.fromkeys((proxy, proxy.removesuffix(":443"))):
        found += of(host, "CI_DEPENDENCY_PROXY")
    return found


def _section(edge: str, situation: Situation, attributes: str) -> str:
    return f"\x1b[0Ksection_{edge}:{situation.clock()}:{_SECTION}{attributes}\r\x1b[0K"
