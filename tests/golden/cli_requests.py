"""What the command line makes of its arguments, as JSON; and how the expectations are made anew.

    python -m tests.golden.cli_requests      writes every expectation; look at the difference

``cli/requests/NAME.json`` has the arguments, the variables, and the fields of the Request that are not at
their default (secrets written out: these are no real ones) or the error.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_builder.cli import build, executor
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.kaniko.flags import FLAGS
from ci_builder.cli.kaniko.words import parse
from ci_builder.cli.parser import Parser
from ci_builder.errors import CiBuilderError
from ci_builder.request import Request
from tests.golden.ci_readings import changed

HERE = Path(__file__).parent / "cli" / "requests"


def request_of(arguments: Sequence[str], environment: Mapping[str, str]) -> Request:
    """The Request of a command line that begins with build or executor."""
    if arguments[0] == executor.NAME:
        words = executor.with_variables(parse(arguments[1:], FLAGS), environment)
        return executor.request_of(words, environment)
    parser = Parser(prog="ci-builder")
    build.add_parser(parser.add_subparsers())
    invocation = Invocation("ci-builder", environment, io.BytesIO(), io.BytesIO(), io.StringIO())
    return build.request_of(parser.parse_args(list(arguments)), invocation)


def read(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case with what comes of it now."""
    found: dict[str, Any] = {key: case[key] for key in ("arguments", "environment") if key in case}
    try:
        found["request"] = changed(request_of(case["arguments"], case.get("environment", {})))
    except CiBuilderError as error:
        found["error"] = {"type": type(error).__name__, "text": str(error), "hint": error.hint}
    return found


def main() -> None:
    """Write every expectation."""
    for path in sorted(HERE.glob("*.json")):
        text = json.dumps(read(json.loads(path.read_text())), indent=2, ensure_ascii=False)
        path.write_text(text + "\n")


if __name__ == "__main__":
    main()
