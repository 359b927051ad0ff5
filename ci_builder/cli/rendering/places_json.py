"""Places in a Dockerfile as BuildKit's subrequests have them in JSON (solver/pb, Location and SourceInfo)."""

from __future__ import annotations

import base64

from ci_builder.span import Source, Span


def location(span: Span, source: int) -> dict[str, object]:
    """Lines of the file with the number ``source``."""
    return {
        "sourceIndex": source,
        "ranges": [{"start": {"line": span.first}, "end": {"line": span.last}}],
    }


def source_json(source: Source) -> dict[str, str]:
    """A file with its content."""
    data = base64.b64encode(source.text.encode("utf-8", "surrogateescape")).decode()
    return {"fileName": source.name, "language": "Dockerfile", "data": data}
