"""GitHub Actions (and Gitea's and Forgejo's, which speak the same): the composite action action.yml.

Sources: GitHub's "Workflow commands", "Variables", the inputs of docker's build-push-action and the
default tags of its metadata-action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ci_builder.ci.assemble import Assembled, Defaults, assemble, wanted_cache, wanted_tags
from ci_builder.ci.caching import references_of
from ci_builder.ci.github_branches import branches_of
from ci_builder.ci.inputs import Inputs, read_inputs
from ci_builder.ci.interface import FileWrite, Reading, Report, Situation
from ci_builder.ci.names import branch_of, image_tag, tagged
from ci_builder.ci.secrets import registry_of
from ci_builder.ci.told import (
    as_json,
    dockerfile_path,
    facts,
    failure_summary,
    masked,
    metadata,
    summary,
)
from ci_builder.errors import CiBuilderError, DockerfileError
from ci_builder.patterns import pattern
from ci_builder.progress import Notice
from ci_builder.request import Login, Result

# A semantic version with something behind a dash (semver.org, 9).
_PRE_RELEASE = pattern(r"v?[0-9]+\.[0-9]+\.[0-9]+-.+")
_MISSING = "set tags, for example ghcr.io/owner/name:tag"


class GitHub:
    """The adapter."""

    name = "github"

    def matches(self, environment: Mapping[str, str]) -> bool:
        """GITHUB_ACTIONS is true in every job."""
        return environment.get("GITHUB_ACTIONS") == "true"

    def read(self, situation: Situation) -> Reading:
        """Inputs from the action's JSON; without ``tags`` a build that pushes is named as docker's
        metadata-action does by default, in the registry that belongs to the server."""
        environment = situation.environment
        inputs = read_inputs(environment)
        usual = _default_tags(situation, inputs)
        defaults = Defaults(push=False, tags=usual, missing=_MISSING, branches=branches_of(situation))
        logins = _own_login(inputs, defaults, environment)
        found: Assembled = assemble(inputs, defaults, logins, environment)
        stop = (f"::stop-commands::{situation.token}",)
        return Reading(
            request=found.request,
            masks=found.masks,
            lines=tuple(f"::add-mask::{_data(text)}" for text in found.masks),
            opening=("::group::Build the image", *stop),
            debug=environment.get("RUNNER_DEBUG") == "1",
        )

    def report(
        self,
        situation: Situation,
        reading: Reading,
        outcome: Result | CiBuilderError,
        warnings: tuple[Notice, ...] = (),
    ) -> Report:
        """Outputs, the job's summary, and annotations at the line that failed and those with warnings."""
        environment = situation.environment
        lines = (f"::{situation.token}::", "::endgroup::") if reading.opening else ()
        lines = (*lines, *(masked(_warning(reading, item), reading.masks) for item in warnings))
        files: list[FileWrite] = []
        if isinstance(outcome, Result):
            files += _write(environment, "GITHUB_OUTPUT", _outputs(outcome, situation.token))
            text = summary(outcome)
        else:
            lines = (*lines, masked(_annotation(reading, outcome), reading.masks))
            text = failure_summary(outcome)
        if _wants_summary(environment):
            files += _write(environment, "GITHUB_STEP_SUMMARY", masked(text, reading.masks))
        return Report(lines, tuple(files))


def _default_tags(situation: Situation, inputs: Inputs) -> tuple[str, ...]:
    environment = situation.environment
    project, host = environment.get("GITHUB_REPOSITORY", ""), _package_registry(environment)
    repository = inputs.text("repository") or (f"{host}/{project}" if project and host else "")
    return tagged(repository, _default_names(situation)) if repository else ()


def _default_names(situation: Situation) -> list[str]:
    environment = situation.environment
    reference = environment.get("GITHUB_REF", "")
    if environment.get("GITHUB_EVENT_NAME") == "schedule":
        return ["nightly"]
    if reference.startswith("refs/tags/"):
        tag = reference.removeprefix("refs/tags/")
        return [image_tag(tag)] if _PRE_RELEASE.fullmatch(tag) else [image_tag(tag), "latest"]
    if reference.startswith("refs/pull/"):
        return [f"pr-{reference.split('/')[2]}"]
    number = _pull_request(situation)
    if number:
        return [f"pr-{number}"]
    branch = environment.get("GITHUB_REF_NAME") or branch_of(reference) or situation.git().branch
    return [image_tag(branch)] if branch else []


def _pull_request(situation: Situation) -> str:
    # pull_request_target runs with the base branch as its ref: its image must not take that branch's tag.
    if not situation.environment.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return ""
    number = situation.event(situation.environment.get("GITHUB_EVENT_PATH", "")).get("number", "")
    return str(number) if isinstance(number, int) else ""


def _package_registry(environment: Mapping[str, str]) -> str:
    host = urlsplit(environment.get("GITHUB_SERVER_URL", "")).netloc
    if host == "github.com":
        return "ghcr.io"
    if environment.get("GITEA_ACTIONS") or environment.get("FORGEJO_ACTIONS"):
        return host
    return f"containers.{host}" if host else ""


def _own_login(inputs: Inputs, defaults: Defaults, environment: Mapping[str, str]) -> list[Login]:
    token, host = inputs.text("github-token"), _package_registry(environment)
    if not token or not host:
        return []
    # With a token that may not read packages a public base would be refused: it is used only to push, or to
    # keep the cache, there.
    names = [*wanted_tags(inputs, defaults), *references_of(wanted_cache(inputs, defaults))]
    if host not in {registry_of([name]) for name in names}:
        return []
    return [Login(host, environment.get("GITHUB_ACTOR") or "github-actions", token)]


def _outputs(result: Result, token: str) -> str:
    values = facts(result)
    outputs = {
        "imageid": result.image_id,
        "digest": result.digest,
        "metadata": as_json(metadata(result)),
        "image": values["IMAGE"],
        "tags": "\n".join(result.pushed or result.tags),
        "isolation": result.executor,
    }
    return "".join(f"{name}<<{token}\n{value}\n{token}\n" for name, value in outputs.items())


def _write(environment: Mapping[str, str], variable: str, text: str) -> list[FileWrite]:
    path = environment.get(variable, "")
    return [FileWrite(Path(path), text, append=True)] if path else []


def _wants_summary(environment: Mapping[str, str]) -> bool:
    if environment.get("DOCKER_BUILD_SUMMARY", "").lower() == "false":
        return False
    try:
        return read_inputs(environment).flag("summary", default=True)
    except CiBuilderError:
        return True  # The report is about these very inputs.


def _annotation(reading: Reading, error: CiBuilderError) -> str:
    properties = {"title": "ci_builder"}
    if isinstance(error, DockerfileError):
        path = dockerfile_path(reading.request, error.source.name)
        if path:
            properties |= {"file": path, "line": str(error.span.first), "endLine": str(error.span.last)}
    text = error.message if isinstance(error, DockerfileError) else str(error)
    hint = f"\n{error.hint}" if error.hint else ""
    return f"::error {_properties(properties.items())}::{_data(text + hint)}"


def _warning(reading: Reading, warning: Notice) -> str:
    properties = {"title": warning.title or "ci_builder"}
    path = dockerfile_path(reading.request, warning.file)
    if path:
        properties |= {"file": path, "line": str(warning.line)}
    return f"::warning {_properties(properties.items())}::{_data(warning.text)}"


def _properties(items: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in items)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
