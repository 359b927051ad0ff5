"""Why a step was not found: the first input that is another one than when it was last done (issue 5)."""

from __future__ import annotations

from collections.abc import Iterable

from ci_builder.cache.inputs import LAYERS_BELOW
from ci_builder.cache.record import Record
from ci_builder.cache.told import MORE, Told, changed
from ci_builder.values import dataclass

_BASE = "base"
_INSTRUCTION = "instruction, which was: "


NOTHING_DIFFERS = "it was in the cache for too long, or its layer is gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """What was found for one step: the ``record`` that it should have hit, None: there is none like it, and
    the names of the inputs that are different, with how they are (changed, added, removed)."""

    record: Record | None
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def reason(self) -> str:
        """In one line."""
        if self.record is None:
            return "there is nothing like it in the cache"
        if not self.inputs:
            return NOTHING_DIFFERS
        first, *more = self.inputs
        rest = f" ({len(more)} more)" if more and first[0] not in (_BASE, LAYERS_BELOW) else ""
        text = f"{_sentence(*first)}{rest}"
        return "".join(letter if letter.isprintable() else " " for letter in text)


def compare(records: Iterable[Record], stage: str, title: str, told: Told) -> Difference:
    """Compare a step's inputs with those of the earlier step that it most likely is: the latest of the same
    instruction in the stage, else in another one, else what was done at the same place."""
    latest = sorted(records, key=lambda record: -record.made)
    same = [record for record in latest if record.title == title]
    same.sort(key=lambda record: record.stage != stage)
    if not same:
        below = {name: digits for name, digits in told if name in (_BASE, LAYERS_BELOW)}
        same = [
            record
            for record in latest
            if record.stage == stage and below and below.items() <= dict(record.inputs).items()
        ]
        if same:
            return Difference(same[0], ((f"{_INSTRUCTION}{same[0].title}", "changed"),))
        return Difference(None)
    differences = [(record, tuple(changed(record.inputs, told))) for record in same]
    record, found = min(differences, key=lambda item: (item[0].stage != stage, len(item[1])))
    return Difference(record, _in_order(found))


def _in_order(found: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """What is below says most, and comes first."""
    return tuple(sorted(found, key=lambda item: (item[0] != _BASE, item[0] != LAYERS_BELOW)))


def _sentence(name: str, how: str) -> str:
    if name == _BASE:
        return "the base image is another one"
    if name == LAYERS_BELOW:
        return "an instruction before it gave another layer"
    if name == "argv":
        return "the command changed"
    if name.startswith("variable "):
        return f"the {name} {'has another value' if how == 'changed' else f'was {how}'}"
    if name.startswith(_INSTRUCTION):
        return f"the instruction changed, {name.partition(', ')[2]}"
    kind, _, rest = name.partition(" ")
    shown = _file(rest) if kind == "file" else f"the {name}"
    return f"{shown} {how if how == 'changed' else f'was {how}'}"


def _file(path: str) -> str:
    if not path.endswith(MORE):
        return f"the file {path!r}"
    folder = path.removesuffix(MORE).rstrip("/")
    return f"a file in {folder!r}" if folder else "a file"
