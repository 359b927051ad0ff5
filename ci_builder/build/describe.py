"""A plan as text, for people."""

from __future__ import annotations

from ci_builder.build.origins import FromContext, FromImage, FromStage, Origin, Scratch
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.dockerfile.reader import Line


def describe(plan: Plan) -> str:
    """Stages in the order in which they may be built, what each is made from, and its instructions
    with their line numbers. Ends with a newline."""
    parts = [_stage(stage, plan) for stage in plan.stages]
    sources = "".join(f"  {describe_origin(origin, plan)}\n" for origin in plan.sources)
    parts.append(f"sources:\n{sources}" if sources else "sources: none\n")
    if plan.unused_args:
        parts.append(f"build args that nothing declares: {', '.join(plan.unused_args)}\n")
    if plan.unused_contexts:
        parts.append(f"build contexts that nothing names: {', '.join(plan.unused_contexts)}\n")
    return "\n".join(parts)


def _stage(stage: PlannedStage, plan: Plan) -> str:
    mark = " (target)" if stage.index in (plan.target.index, *plan.targets) else ""
    platform = f" for {stage.platform}" if stage.platform else ""
    base = describe_origin(stage.base, plan)
    lines = [f"stage {stage.index} {stage.name}{mark}", f"  from {base}{platform}"]
    lines += [f"  --from={text} is {describe_origin(origin, plan)}" for text, origin in stage.origins]
    own = {id(item) for item in stage.stage.instructions}
    for item in stage.instructions:
        trigger = "" if id(item) in own or stage.base == Scratch() else "ONBUILD "
        lines.append(f"  {item.line.span.first:4d}  {trigger}{_text(item.line)}")
    return "\n".join(lines) + "\n"


def _text(line: Line) -> str:
    return line.text + "".join(f" [{len(item.content)} characters]" for item in line.heredocs)


def describe_origin(origin: Origin, plan: Plan) -> str:
    """What a name in FROM or COPY --from means, for people."""
    if isinstance(origin, FromStage):
        return f"stage {origin.index} {plan.stage(origin.index).name}"
    if isinstance(origin, FromImage):
        return f"image {origin.reference}"
    if isinstance(origin, FromContext):
        return f"build context {origin.name}"
    return "scratch"
