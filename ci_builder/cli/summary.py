"""What a build made, for people: digest, layers, executor, places."""

from __future__ import annotations

from ci_builder.cli.rendering.text import one_line, size
from ci_builder.request import LayerReport, Result

_INSTRUCTION_WIDTH = 88


def summary(result: Result) -> list[str]:
    """The lines that are printed at the end of a build."""
    lines = [
        f"digest    {result.digest}",
        f"image id  {result.image_id}",
        f"executor  {one_line(result.executor_reason)}",
    ]
    if result.layers:
        lines.append("layers")
        lines += [_layer(layer) for layer in result.layers]
    lines += [f"written   {where}" for where in result.written]
    lines.append(f"built in {result.seconds:.1f} s")
    return lines


def _layer(layer: LayerReport) -> str:
    made_by = one_line(layer.created_by, _INSTRUCTION_WIDTH) or "(not recorded)"
    origin = "base  " if layer.base else "      "
    return f"  {size(layer.size):>9}  {origin}{made_by}"
