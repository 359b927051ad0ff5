"""Lint of a planned build: which rules hold, what they find, and what a build does about it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from ci_builder.build.lint import Subject, lint, lint_from
from ci_builder.build.lint.global_args import global_args
from ci_builder.build.lint.trace import Base, StageTrace, trace
from ci_builder.build.origins import FromStage
from ci_builder.build.plan import Plan, PlannedStage, PlanOptions, plan
from ci_builder.build.special_args import CHECK
from ci_builder.dockerfile.check import CheckOptions, parse_check
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.dockerfile.lint import lint_file, lint_stage
from ci_builder.dockerfile.lint.finding import Finding, permitted
from ci_builder.errors import CiBuilderError, DockerfileError, InvalidValue, UsageError
from ci_builder.progress import Notice, Progress
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``--check`` has to say. ``error`` is why there may be more: the build would fail by it."""

    findings: tuple[Finding, ...]
    error: CiBuilderError | None = None


def check_options(dockerfile: Dockerfile, build_args: Iterable[tuple[str, str]]) -> CheckOptions:
    """BUILDKIT_DOCKERFILE_CHECK, else the directive. Raises UsageError."""
    given = dict(build_args).get(CHECK)
    if given is None:
        return parse_check(dockerfile.directives.check)
    try:
        return parse_check(given)
    except InvalidValue as error:
        raise UsageError(f"{CHECK}={given}: {error}") from error


def findings_without_bases(dockerfile: Dockerfile, options: PlanOptions) -> tuple[Finding, ...]:
    """What can be said without knowing the base images, and without a plan where there can be none.
    Raises UsageError."""
    found = list(lint_file(dockerfile))
    try:
        planned = plan(dockerfile, options)
    except CiBuilderError:
        with contextlib.suppress(DockerfileError):
            args = global_args(dockerfile, options, dockerfile.stages[-1].name)
            found += lint_from(dockerfile, args)
    else:
        found += lint_from(dockerfile, global_args(dockerfile, options, planned.target.stage.name))
        for stage in planned.stages:
            found += lint_stage(stage.instructions)
    return permitted(found, check_options(dockerfile, options.build_args))


def find(
    dockerfile: Dockerfile, planned: Plan, options: PlanOptions, base: Callable[[PlannedStage], Base]
) -> Checked:
    """Everything that the rules find in the stages of a plan; ``base`` says what each begins with. Raises
    UsageError, and what ``base`` raises."""
    traces: dict[int, StageTrace] = {}
    for stage in planned.stages:
        below = traces[stage.base.index] if isinstance(stage.base, FromStage) else None
        traces[stage.index] = trace(stage, base(stage), below)
    args = global_args(dockerfile, options, planned.target.stage.name)
    subject = Subject(dockerfile, args, tuple(traces.values()))
    found = permitted(lint(subject), check_options(dockerfile, options.build_args))
    return Checked(found, next((item.error for item in subject.traces if item.error), None))


def tell(findings: Iterable[Finding], progress: Progress) -> None:
    """Each finding as a warning."""
    for finding in findings:
        span = finding.span
        progress(Notice("warning", str(finding), span.file, span.first, finding.rule))


def refuse(findings: tuple[Finding, ...], options: CheckOptions) -> None:
    """Raises DockerfileError when there are findings and ``error=true`` makes them errors."""
    if findings and options.error:
        rules = ", ".join(sorted({finding.rule for finding in findings}))
        raise DockerfileError(
            f"check=error=true, and the Dockerfile breaks these lint rules: {rules}",
            source=findings[0].source,
            span=findings[0].span,
            hint="each is a warning above; # check=skip=NAME switches one off",
        )
