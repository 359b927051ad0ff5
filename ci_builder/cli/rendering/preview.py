"""What a build would do, as text and as JSON: the answer of ``plan``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ci_builder.build.caching.outlook import HIT, OPEN, Outlook
from ci_builder.build.preview import Amount, Preview, Pushed, StageOutlook, verbs
from ci_builder.cli.rendering.outlook import head, step_json
from ci_builder.cli.rendering.text import one_line

_WIDTH = 90


def plan_text(plan: Preview) -> str:
    """For people."""
    parts = ["\n".join(_stage(stage)) for stage in plan.stages]
    parts.append(_list("unpacked", [f"{item.what}: {_amount(item.amount)}" for item in plan.unpacked]))
    parts.append(_list("pushed", [line for item in plan.pushed for line in _pushed(item)]))
    parts.append(_list("caches read", plan.reads))
    parts.append(_list("caches written", plan.writes))
    return "\n\n".join(parts)


def plan_json(plan: Preview) -> str:
    """For programs."""
    value = {
        "stages": [_stage_json(stage) for stage in plan.stages],
        "unpacked": [{"what": item.what, **_amount_json(item.amount)} for item in plan.unpacked],
        "pushed": [_pushed_json(item) for item in plan.pushed],
        "caches": {"read": list(plan.reads), "written": list(plan.writes)},
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


def _stage(stage: StageOutlook) -> Iterator[str]:
    yield head(stage)
    yield f"  from {stage.base}"
    if not stage.needed:
        yield "  not built: everything that is made from it was found"
    for item in stage.steps:
        does = "hit" if item.status == HIT else "+".join(verbs(item.step))
        yield f"  {does:<6}  {item.step.span.first:4d}  {one_line(item.step.title, _WIDTH)}{_note(item)}"


def _note(item: Outlook) -> str:
    if item.status == HIT and item.record is not None:
        return f"  [{item.record.layer.descriptor.size:,} bytes]"
    return "  [unless found once more is known]" if item.status == OPEN else ""


def _pushed(item: Pushed) -> Iterator[str]:
    yield item.reference
    if item.problem:
        yield f"  known layers: {item.problem}"
    else:
        for name, amount in (
            ("there already", item.there),
            ("mounted from another repository", item.mounted),
            ("uploaded", item.uploaded),
        ):
            if amount.layers:
                yield f"  {name}: {_amount(amount)}"
    if item.new:
        yield f"  made first, then uploaded: {_layers(item.new)}"


def _list(title: str, lines: list[str] | tuple[str, ...]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)]) if lines else f"{title}: nothing"


def _amount(amount: Amount) -> str:
    return f"{_layers(amount.layers)}, {amount.bytes:,} bytes"


def _layers(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'}"


def _stage_json(stage: StageOutlook) -> dict[str, Any]:
    return {
        "number": stage.number,
        "name": stage.name,
        "target": stage.target,
        "base": stage.base,
        "needed": stage.needed,
        "steps": [{"does": list(verbs(item.step)), **step_json(item)} for item in stage.steps],
    }


def _pushed_json(item: Pushed) -> dict[str, Any]:
    return {
        "reference": item.reference,
        "there": _amount_json(item.there),
        "mounted": _amount_json(item.mounted),
        "uploaded": _amount_json(item.uploaded),
        "new": item.new,
        "problem": item.problem,
    }


def _amount_json(amount: Amount) -> dict[str, int]:
    return {"layers": amount.layers, "bytes": amount.bytes}
