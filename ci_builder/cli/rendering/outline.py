"""An outline as text, and as BuildKit's JSON (frontend/subrequests/outline), for tools that read that."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ci_builder.build.outline import Outline, OutlineMount
from ci_builder.cli.rendering.places_json import location, source_json
from ci_builder.dockerfile.dockerfile import Dockerfile
from ci_builder.span import Span


def outline_text(found: Outline) -> str:
    """For people; what there is none of is left out."""
    blocks = [f"TARGET:      {found.name}"]
    if found.description:
        blocks[0] += f"\nDESCRIPTION: {found.description}"
    if found.args:
        rows = [("BUILD ARG", "VALUE", "DESCRIPTION")]
        blocks.append(_table([*rows, *((arg.name, arg.value or "", arg.description) for arg in found.args)]))
    for head, mounts in (("SECRET", found.secrets), ("SSH", found.ssh)):
        if mounts:
            listed = ((item.id, "true" if item.required else "") for item in mounts)
            blocks.append(_table([(head, "REQUIRED"), *listed]))
    return "\n\n".join(blocks)


def outline_json(found: Outline, dockerfile: Dockerfile) -> str:
    """For programs."""
    args = [
        {"name": arg.name, "description": arg.description, "value": arg.value} | _place(arg.line.span)
        for arg in found.args
    ]
    value: dict[str, object] = {
        "name": found.name,
        "description": found.description,
        "args": [{key: item for key, item in arg.items() if item not in ("", None)} for arg in args],
        "secrets": [_mount(item) for item in found.secrets],
        "ssh": [_mount(item) for item in found.ssh],
        "cache": [{"ID": item.id} | _place(item.line.span) for item in found.caches],
        "sources": [source_json(dockerfile.source)["data"]],
    }
    return json.dumps({key: item for key, item in value.items() if item}, indent=2, ensure_ascii=False)


def _mount(item: OutlineMount) -> dict[str, object]:
    required = {"required": True} if item.required else {}
    return {"name": item.id} | required | _place(item.line.span)


def _place(span: Span) -> dict[str, object]:
    return {"location": location(span, 0)}


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("    ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
