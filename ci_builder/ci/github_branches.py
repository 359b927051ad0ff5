"""Whose caches a job on GitHub writes and reads, by the event that it runs for.

Source: GitHub's "Events that trigger workflows" and "Webhook events and payloads". ``pull_request_target``,
``workflow_run`` and ``issue_comment`` run on the default branch, with its rights, and often build what others
wrote: the reference of the job says nothing then.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.ci.caching import OF_TAGS, of_change, of_fork
from ci_builder.ci.interface import Situation
from ci_builder.ci.names import branch_of

_QUEUE = "gh-readonly-queue/"


def branches_of(situation: Situation) -> tuple[str, ...]:
    """That of the job first, which is written; then the one that a pull request is for, and the default."""
    environment = situation.environment
    event = situation.event(environment.get("GITHUB_EVENT_PATH", ""))
    default = _text(_table(event, "repository"), "default_branch")
    reference = environment.get("GITHUB_REF", "")
    if reference.startswith("refs/tags/"):
        return (OF_TAGS, default)
    if _is_pull_request(environment):
        base = environment.get("GITHUB_BASE_REF") or _text(_pull_request(event, "base"), "ref")
        return (_of_pull_request(environment, event), base, default)
    run, issue = _table(event, "workflow_run"), _table(event, "issue")
    if run:
        return (_own(environment, _table(run, "head_repository"), _text(run, "head_branch"), run), default)
    if issue.get("pull_request"):
        return (of_change(issue.get("number", "")), default)
    branch = environment.get("GITHUB_REF_NAME") or branch_of(reference) or situation.git().branch
    if branch.startswith(_QUEUE):
        # gh-readonly-queue/BASE/pr-N-COMMIT is there for this one job.
        base = branch.removeprefix(_QUEUE).rpartition("/")[0]
        return (of_change(f"queue/{base}"), base, default)
    return (branch, default)


def _is_pull_request(environment: Mapping[str, str]) -> bool:
    by_name = environment.get("GITHUB_EVENT_NAME", "").startswith("pull_request")
    return by_name or environment.get("GITHUB_REF", "").startswith("refs/pull/")


def _of_pull_request(environment: Mapping[str, str], event: Mapping[str, object]) -> str:
    head = _pull_request(event, "head")
    return _own(environment, _table(head, "repo"), _text(head, "ref"), event)


def _own(
    environment: Mapping[str, str], project: Mapping[str, object], branch: str, event: Mapping[str, object]
) -> str:
    """The branch, if it is sure to be the project's own."""
    name = _text(project, "full_name")
    if not name or not branch:
        reference = environment.get("GITHUB_REF", "").split("/")
        number = reference[2] if reference[:2] == ["refs", "pull"] and len(reference) > 2 else ""
        return of_change(event.get("number") or number or event.get("id", ""))
    own = name.lower() == environment.get("GITHUB_REPOSITORY", "").lower()
    return branch if own else of_fork(name, branch)


def _pull_request(event: Mapping[str, object], side: str) -> Mapping[str, object]:
    return _table(_table(event, "pull_request"), side)


def _table(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
