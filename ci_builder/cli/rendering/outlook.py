"""What becomes of each step, as text and as JSON: the answer of ``explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from ci_builder.build.caching.outlook import HIT, Outlook
from ci_builder.build.preview import StageOutlook
from ci_builder.cache.record import Record
from ci_builder.cli.rendering.text import one_line

_WIDTH = 90


def moment(seconds: int) -> str:
    """Seconds since 1970 for people, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"  # somebody's invention


def head(stage: StageOutlook) -> str:
    """The line that a stage begins with."""
    return f"stage {stage.number} {stage.name}{' (target)' if stage.target else ''}"


def explain_text(stages: Sequence[StageOutlook]) -> str:
    """For people."""
    return "\n\n".join("\n".join(_stage(stage)) for stage in stages)


def explain_json(stages: Sequence[StageOutlook]) -> str:
    """For programs."""
    return json.dumps({"stages": [_json(stage) for stage in stages]}, indent=2, ensure_ascii=False)


def _stage(stage: StageOutlook) -> Iterator[str]:
    yield head(stage)
    if not stage.needed:
        yield "  not looked at: everything that is made from it was found"
    elif not stage.steps:
        yield "  no instruction of it touches a file"
    for item in stage.steps:
        yield f"  {item.status:<6}  {item.step.span.first:4d}  {one_line(item.step.title, _WIDTH)}"
        if item.status == HIT and item.record is not None:
            yield f"                {_entry(item.record)}"
        if item.status != HIT:
            yield from _why(item)


def _why(item: Outlook) -> Iterator[str]:
    yield f"                {item.reason}"
    if item.record is None:
        return
    yield f"                compared with {one_line(item.record.title, _WIDTH)}: {_entry(item.record)}"
    width = max((len(how) for _, how in item.inputs), default=0)
    for name, how in item.inputs:
        yield f"                  {how:<{width}}  {one_line(name)}"


def _entry(record: Record) -> str:
    layer = record.layer.descriptor
    return f"stage {record.stage}, made {moment(record.made)}, {layer.size:,} bytes, {layer.digest}"


def _json(stage: StageOutlook) -> dict[str, Any]:
    return {
        "number": stage.number,
        "name": stage.name,
        "target": stage.target,
        "needed": stage.needed,
        "steps": [step_json(item) for item in stage.steps],
    }


def step_json(item: Outlook) -> dict[str, Any]:
    """One step for programs."""
    value: dict[str, Any] = {
        "line": item.step.span.first,
        "title": item.step.title,
        "status": item.status,
        "reason": item.reason,
    }
    if item.record is not None:
        layer = item.record.layer
        value["entry"] = {
            "stage": item.record.stage,
            "title": item.record.title,
            "made": item.record.made,
            "used": item.record.used,
            "digest": str(layer.descriptor.digest),
            "diffId": str(layer.diff_id),
            "size": layer.descriptor.size,
        }
        value["inputs"] = [{"name": name, "how": how} for name, how in item.inputs]
    return value
