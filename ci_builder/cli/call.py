"""``build --check`` and ``build --call``: what is asked about a build instead of building.

buildx's: ``build``, ``check`` (also called ``lint``), ``targets``, ``outline``. Each but the first may have
``,format=json`` behind it. Source: docker's "docker buildx build", "--call".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ci_builder.build.start import check, outlined, targets
from ci_builder.cli.failure import harmless, show_error
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.perform import Display, examined
from ci_builder.cli.rendering.places_json import location, source_json
from ci_builder.errors import CiBuilderError, DockerfileError, UsageError
from ci_builder.request import Request
from ci_builder.values import dataclass

if TYPE_CHECKING:
    from ci_builder.build.checks import Checked
    from ci_builder.dockerfile.lint.finding import Finding
    from ci_builder.dockerfile.targets import Target

BUILD, CHECK, TARGETS, OUTLINE = "build", "check", "targets", "outline"
_KINDS = {"build": BUILD, "check": CHECK, "lint": CHECK, "targets": TARGETS, "outline": OUTLINE}


@dataclass(frozen=True, slots=True)
class Call:
    """``kind`` is BUILD, CHECK, TARGETS or OUTLINE."""

    kind: str = BUILD
    json: bool = False


def call_of(text: str) -> Call:
    """What ``--call=text`` asks for. Raises UsageError."""
    name, *options = text.split(",")
    if name not in _KINDS:
        raise UsageError(f"--call: unknown value {name!r}", hint=f"it is one of {', '.join(_KINDS)}")
    formats = {"format=json": True, "format=text": False}
    unknown = [option for option in options if option not in formats]
    if unknown or len(options) > 1 or (options and _KINDS[name] == BUILD):
        raise UsageError(f"--call={text}: only format=text or format=json may follow, and not build")
    return Call(_KINDS[name], any(formats[option] for option in options))


def answer(call: Call, request: Request, invocation: Invocation, display: Display) -> int:
    """Print what is asked for on standard output. Returns the exit code, 1 where a check finds anything."""
    if call.kind == TARGETS:
        found = examined(targets, request, invocation, display)
        if isinstance(found, CiBuilderError):
            return show_error(found, invocation, display.secrets, debug=display.debug)
        _print(_targets_json(found) if call.json else _targets_text(found), invocation, display)
        return 0
    if call.kind == OUTLINE:
        from ci_builder.cli.rendering.outline import outline_json, outline_text  # here: few ask for it

        seen = examined(outlined, request, invocation, display)
        if isinstance(seen, CiBuilderError):
            return show_error(seen, invocation, display.secrets, debug=display.debug)
        _print(outline_json(*seen) if call.json else outline_text(seen[0]), invocation, display)
        return 0
    checked = examined(check, request, invocation, display)
    if isinstance(checked, CiBuilderError):
        return show_error(checked, invocation, display.secrets, debug=display.debug)
    text = _findings_json(checked) if call.json else _findings_text(checked)
    _print(text, invocation, display)
    if checked.error is not None:
        return show_error(checked.error, invocation, display.secrets, debug=display.debug)
    return 1 if checked.findings else 0


def _print(text: str, invocation: Invocation, display: Display) -> None:
    for line in display.secrets.hide(text).splitlines():
        invocation.answer(harmless(line))


def _findings_text(checked: Checked) -> str:
    count = len(checked.findings)
    summary = f"{count} finding{'' if count == 1 else 's'}" if count else "no findings"
    blocks = [
        f"{item.span}: {item}\n{item.url}\n{item.source.excerpt(item.span)}\n" for item in checked.findings
    ]
    incomplete = " so far" if checked.error else ""
    return "\n".join([*blocks, f"check: {summary}{incomplete}"])


def _findings_json(checked: Checked) -> str:
    """As BuildKit's subrequest "lint" has it (frontend/subrequests/lint), for tools that read that."""
    sources = list(dict.fromkeys(item.source for item in checked.findings))
    value: dict[str, object] = {
        "warnings": [_warning(item, sources.index(item.source)) for item in checked.findings],
        "sources": [source_json(source) for source in sources],
    }
    error = checked.error
    if error is not None:
        value["buildError"] = {"message": error.message}
        if isinstance(error, DockerfileError):
            value["buildError"] = {"message": error.message, "location": location(error.span, 0)}
    return json.dumps(value, indent=2, ensure_ascii=False)


def _warning(item: Finding, source: int) -> dict[str, object]:
    from ci_builder.dockerfile.lint.descriptions import DESCRIPTIONS  # here: after the Dockerfile is read

    return {
        "ruleName": item.rule,
        "description": DESCRIPTIONS[item.rule],
        "url": item.url,
        "detail": item.message,
        "location": location(item.span, source),
    }


def _targets_text(found: tuple[Target, ...]) -> str:
    rows = [("TARGET", "DESCRIPTION")]
    rows += [(item.name + (" (default)" if item.default else ""), item.description) for item in found]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}    {description}".rstrip() for name, description in rows)


def _targets_json(found: tuple[Target, ...]) -> str:
    listed = [
        {"name": item.name, "default": item.default, "description": item.description, "base": item.base}
        for item in found
    ]
    return json.dumps({"targets": listed}, indent=2, ensure_ascii=False)
