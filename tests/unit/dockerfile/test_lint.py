"""The lint rules as a whole. What each finds is in tests/golden/lint."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import ci_builder.build.lint
import ci_builder.dockerfile.lint
from ci_builder.build.lint import FROM_RULES, TRACE_RULES
from ci_builder.dockerfile.check import CheckOptions, check_of_comments, parse_check
from ci_builder.dockerfile.lint import FILE_RULES, STAGE_RULES
from ci_builder.errors import InvalidValue

ROOT = Path(__file__).parents[3]
RULES = frozenset(
    "StageNameCasing FromAsCasing NoEmptyContinuation ConsistentInstructionCasing DuplicateStageName "
    "ReservedStageName JSONArgsRecommended MaintainerDeprecated UndefinedArgInFrom WorkdirRelativePath "
    "UndefinedVar MultipleInstructionsDisallowed LegacyKeyValueFormat InvalidBaseImagePlatform "
    "RedundantTargetPlatform SecretsUsedInArgOrEnv InvalidDefaultArgInFrom FromPlatformFlagConstDisallowed "
    "CopyIgnoredFile InvalidDefinitionDescription ExposeProtoCasing ExposeInvalidFormat".split()
)
"""BuildKit's."""


def names_in(package: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in pkgutil.iter_modules(getattr(package, "__path__")):  # noqa: B009 - typed as object
        module = importlib.import_module(f"{getattr(package, '__name__')}.{item.name}")  # noqa: B009
        if hasattr(module, "NAME"):
            found[item.name] = module.NAME
    return found


def test_every_rule_of_buildkit_is_there_and_runs() -> None:
    by_file = {**names_in(ci_builder.dockerfile.lint), **names_in(ci_builder.build.lint)}
    assert frozenset(by_file.values()) == RULES
    running = [rule.__name__ for rule in (*FILE_RULES, *STAGE_RULES, *FROM_RULES, *TRACE_RULES)]
    assert sorted(running) == sorted(by_file)


def test_every_rule_finds_something_in_the_golden_cases() -> None:
    found: set[str] = set()
    for path in (ROOT / "tests" / "golden" / "lint").glob("*.txt"):
        found.update(re.findall(r"^\d+-\d+ (\w+): ", path.read_text(), re.MULTILINE))
    assert found == RULES


def test_the_document_has_every_rule() -> None:
    text = (ROOT / "docs" / "lint.md").read_text()
    assert frozenset(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == RULES


@pytest.mark.parametrize(
    ("text", "skip", "experimental", "error"),
    [
        ("", [], [], False),
        ("skip=A,B", ["A", "B"], [], False),
        (" skip = A , B ; error = true ", ["A", "B"], [], True),
        ("skip=all;error=0;experimental=all", ["all"], ["all"], False),
        ("error=T", [], [], True),
        ("skip=", [], [], False),
    ],
)
def test_options(text: str, skip: list[str], experimental: list[str], error: bool) -> None:
    assert parse_check(text) == CheckOptions(frozenset(skip), frozenset(experimental), error)


@pytest.mark.parametrize(
    "text", ["skip", "all", "error=yes", "error=", "warn=A", "skip=A;", "skip=A;skip=B", "Skip=A"]
)
def test_options_that_mean_nothing(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_check(text)


def test_who_may_speak() -> None:
    assert not parse_check("skip=A").allows("A", experimental=False)
    assert not parse_check("skip=all").allows("A", experimental=False)
    assert parse_check("skip=A").allows("B", experimental=False)
    assert not parse_check("").allows("A", experimental=True)
    assert not parse_check("experimental=B").allows("A", experimental=True)
    assert parse_check("experimental=A").allows("A", experimental=True)
    assert parse_check("skip=all;experimental=all").allows("A", experimental=True)


def test_comments() -> None:
    assert check_of_comments(()) == CheckOptions()
    assert check_of_comments(("prose", "check=skip=A")).skip == {"A"}
    assert check_of_comments(("Check = skip=A", "check=skip=B")).skip == {"A"}
    assert check_of_comments(("check=that it works", "check=skip=B")) == CheckOptions()
    assert not check_of_comments(("check=error=true",)).error
