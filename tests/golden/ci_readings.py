"""What the CI adapters make of a job's environment, as JSON; and how the expectations are made anew.

    python -m tests.golden.ci_readings      writes every expectation; look at the difference before you commit

``ci/situations/NAME.json`` is the job (the first word of its name says which adapter must take it),
``ci/readings/NAME.json`` what was read: fields of the Request that are not at their default, secrets
written out (these are no real ones), the lines for the log, or the error.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ci_builder.ci.choose import detect
from ci_builder.ci.interface import GitFacts, Situation
from ci_builder.errors import CiBuilderError

HERE = Path(__file__).parent / "ci"


def load(path: Path) -> Situation:
    """The situation that a file describes."""
    job = json.loads(path.read_text())
    return Situation(
        environment=job["environment"],
        git=lambda: GitFacts(**job.get("git", {})),
        event=lambda _: job.get("event", {}),
        token="TOKEN",
        clock=lambda: 1700000000,
    )


def read(situation: Situation) -> dict[str, Any]:
    """What the adapter that matches reads, as plain values."""
    adapter = detect(situation.environment)
    try:
        reading = adapter.read(situation)
    except CiBuilderError as error:
        return {"ci": adapter.name, "error": str(error), "hint": error.hint, "type": type(error).__name__}
    return {"ci": adapter.name, **changed(reading)}


def changed(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default."""
    fields = {}
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if found != field.default:
            fields[field.name] = plain(found)
    return fields


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it."""
    if dataclasses.is_dataclass(value):
        return changed(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def names() -> list[str]:
    """The names of all situations."""
    return sorted(path.stem for path in (HERE / "situations").glob("*.json"))


def main() -> None:
    """Write every expectation."""
    for name in names():
        text = json.dumps(read(load(HERE / "situations" / f"{name}.json")), indent=2)
        (HERE / "readings" / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
