"""What differs between two outcomes of a script, as lines to read."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from tests.calls.server import Outcome
from tests.compare.difference import files_difference
from tests.compare.entries import Filesystem
from tests.compare.layers import apply_layers

_ANSWER = re.compile(r"(\d+) ")
_OF_THE_ENGINE = ("dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab")
_SET_BEFORE = 1_500_000_000  # seconds: an earlier time is one that somebody set


def differences(script: str, base: Path, real: Outcome, found: Outcome) -> list[str]:
    """One text each: script line, expected and found; then what differs in files and in the layer.

    A line of the script may end in ``# or ANSWER``, an answer that is as good.
    """
    if real.error or found.error:
        return [f"the real root failed: {real.error}"] * bool(real.error) + [found.error] * bool(found.error)
    wrong = [text for text in real.output.splitlines() if text.startswith("script: ")]
    if wrong:
        return wrong
    if (real.output, real.code) == (found.output, found.code):
        return _layers(base, real, found)
    lines = dict(enumerate(script.splitlines(), 1))
    result = _answers(lines, real.output, found.output)
    result += [f"exit code: expected {real.code}, found {found.code}"] * (real.code != found.code)
    calls = [text for text in result if text.startswith("line ")]
    # Other files are what follows from other answers.
    return calls or result + _layers(base, real, found)


def _answers(lines: Mapping[int, str], real: str, found: str) -> list[str]:
    result = []
    expected, answered = _by_line(real), _by_line(found)
    for key in dict.fromkeys([*expected, *answered]):
        left, right = expected.get(key, []), answered.get(key, [])
        if left == right:
            continue
        line = lines.get(key, "").strip() if isinstance(key, int) else key
        good = line.partition("# or ")[2]
        if good and _is_good(left, right, f"= {good}"):
            continue
        where = f"line {key}: {line}" if isinstance(key, int) else f"at the end: {key}"
        result.append(f"{where}\n    expected {_shown(left)}\n    found    {_shown(right)}")
    return result


def _is_good(expected: list[str], answers: list[str], good: str) -> bool:
    """Whether the answers are the expected ones or, each time that the call was made, the one as ``good``."""
    if answers == [good]:
        return True
    pairs = zip(expected, answers, strict=False)
    return len(expected) == len(answers) and all(answer in (one, good) for one, answer in pairs)


def _by_line(output: str) -> dict[int | str, list[str]]:
    """What was printed, by the number of the script's line; at the end, by the path that is told of."""
    result: dict[int | str, list[str]] = {}
    key: int | str = 0
    for text in output.splitlines():
        match = _ANSWER.match(text)
        rest = text
        if match:
            key, rest = int(match[1]), text[match.end() :]
        elif text.startswith(("/", "end ")):
            key, _, rest = text.partition(" ")
        result.setdefault(key, []).append(rest)
    return result


def _shown(answers: list[str]) -> str:
    if not answers:
        return "nothing"
    shown = answers if len(answers) < 8 else [*answers[:3], f"… {len(answers)} lines …", *answers[-3:]]
    return "\n             ".join(shown)


def _layers(base: Path, real: Outcome, found: Outcome) -> list[str]:
    below = _base(base)
    expected, made = (_of_the_image(apply_layers([one.layer], below)) for one in (real, found))
    result = [f"layer: {text}" for text in files_difference(expected, made, ("the real root", "here"))]
    for path in sorted(expected.entries.keys() & made.entries.keys()):
        times = expected.entries[path].modified, made.entries[path].modified
        if times[0] != times[1] and min(times) < _SET_BEFORE:
            result.append(f"layer: /{path}: modified: {times[0]} != {times[1]}")
    return result


@functools.cache
def _base(layer: Path) -> Filesystem:
    return apply_layers([layer])


def _of_the_image(files: Filesystem) -> Filesystem:
    """Without what comes from the surroundings in every container."""
    entries = {
        path: entry
        for path, entry in files.entries.items()
        if path not in _OF_THE_ENGINE and not path.startswith(("dev/", "proc/", "sys/"))
    }
    return Filesystem(entries, files.links, files.faults)
