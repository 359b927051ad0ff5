"""Word expansion and patterns: properties. The single cases are in tests/golden/words."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_builder.dockerfile.patterns import Pattern, PatternError
from ci_builder.dockerfile.words import Rules, expand
from ci_builder.errors import InvalidValue

_SHELLY = st.text(st.sampled_from("ab$x{}:-+?#%/*'\"\\` \n<_1é"), max_size=40)
_VARIABLES = {"x": "value", "a": "", "ab": "x/y.z"}


@given(_SHELLY | st.text())
def test_expansion_ends_or_is_an_invalid_value(text: str) -> None:
    with contextlib.suppress(InvalidValue):
        assert isinstance(expand(text, _VARIABLES).text, str)


@given(st.text())
def test_single_quotes_keep_everything(text: str) -> None:
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    assert expand(quoted, _VARIABLES).text == text


@given(st.text())
def test_double_quotes_keep_everything_that_is_escaped(text: str) -> None:
    quoted = '"' + re.sub(r'([$"\\])', r"\\\1", text) + '"'
    assert expand(quoted, _VARIABLES).text == text


@given(st.text(), st.sampled_from("\\`"))
def test_escapes_keep_everything(text: str, escape: str) -> None:
    escaped = "".join(escape + character for character in text)
    assert expand(escaped, _VARIABLES, Rules(escape=escape)).text == text


@given(st.text())
def test_a_value_is_not_expanded_again(value: str) -> None:
    assert expand("$x", {"x": value}).text == value
    assert expand("${x:-$x}${u:-$x}", {"x": value}).text == (value or "") + value


@given(_SHELLY)
def test_what_is_kept_can_be_read_again(text: str) -> None:
    rules = Rules(keep_quotes=True, keep_escapes=True, keep_unset=True)
    try:
        kept = expand(text, {}, rules).text
    except InvalidValue:
        return
    assert expand(kept, {}, rules).text == kept


@given(
    st.lists(st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="$'\"\\"), min_size=1))
)
def test_words_are_split_at_white_space(words: list[str]) -> None:
    assert expand(" \t".join(words), {}).words == tuple(words)


def test_variables_are_told() -> None:
    found = expand("$x ${u:-$a} $1", _VARIABLES)
    assert found.used == {"x", "a"}
    assert found.missing == {"u", "1"}


def test_bodies_of_heredocs_have_no_quotes() -> None:
    assert expand("\"$x\" '$x' \\$x", _VARIABLES, Rules(quoting=False)).text == "\"value\" 'value' $x"


@pytest.mark.parametrize("text", ["${a:-" * 5000, "${a:-" * 5000 + "}" * 5000, '"${a:-' * 500])
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"nested too deeply"):
        expand(text, {})


_PATTERNS = st.text(st.sampled_from("ab?*."), max_size=6)
_TEXTS = st.text(st.sampled_from("ab.\n"), max_size=10)


def _regex(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(item, re.escape(item)) for item in pattern)


@given(_PATTERNS, _TEXTS)
def test_prefixes_and_suffixes_are_those_of_a_regular_expression(pattern: str, text: str) -> None:
    expression = re.compile(_regex(pattern))
    parsed = Pattern.parse(pattern)
    fits = [end for end in range(len(text) + 1) if expression.fullmatch(text, 0, end)]
    assert parsed.without_prefix(text, longest=True) == text[max(fits, default=0) :]
    assert parsed.without_prefix(text, longest=False) == text[min(fits, default=0) :]
    starts = [at for at in range(len(text) + 1) if expression.fullmatch(text, at)]
    assert parsed.without_suffix(text, longest=True) == text[: min(starts, default=len(text))]
    assert parsed.without_suffix(text, longest=False) == text[: max(starts, default=len(text))]


@given(_PATTERNS.filter(lambda pattern: pattern.strip("*") != ""), _TEXTS)
def test_replacement_is_that_of_a_regular_expression(pattern: str, text: str) -> None:
    parsed = Pattern.parse(pattern)
    assert parsed.replaced(text, "<>", everywhere=True) == re.sub(_regex(pattern), "<>", text)
    assert parsed.replaced(text, "<>", everywhere=False) == re.sub(_regex(pattern), "<>", text, count=1)


def test_matching_does_not_explode() -> None:
    text = "a" * 2000
    assert Pattern.parse("*a" * 50 + "b").without_prefix(text, longest=True) == text


@pytest.mark.parametrize("text", ["\\", "\\x", "a\\\\\\"])
def test_escapes_of_nothing(text: str) -> None:
    with pytest.raises(PatternError):
        Pattern.parse(text)
