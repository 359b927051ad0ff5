"""One tag for each scope."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from ci_builder.cache.scope import Scope
from ci_builder.oci.reference import Reference

_TAG = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # distribution spec
_PART = st.text(max_size=200)


@given(_PART, _PART, _PART, _PART)
@example("", "", "", "")
@example("r/i", "-.", "linux/amd64", "feature/ü#1")
@example("r/i", "x" * 99 + ".", "p", "b")
@example("r/i", "\ud800", "\udcff", "b")
def test_tags_are_valid(image: str, target: str, platform: str, branch: str) -> None:
    tag = Scope(image, target, platform, branch).tag
    assert _TAG.fullmatch(tag)
    assert Reference.parse(f"r.example/cache:{tag}").tag == tag


@given(st.lists(st.tuples(*[st.text(max_size=4)] * 4), unique=True, max_size=20))
@example([("a", "b", "", ""), ("a", "", "b", ""), ("ab", "", "", ""), ("", "a", "b", "")])
@example([("i", "t", "p", "a/b"), ("i", "t", "p", "a-b"), ("i", "t", "p", "A-b"), ("i", "t-p", "", "a-b")])
@example([("i", "t" * 200, "p", "a"), ("i", "t" * 200, "p", "b")])
def test_scopes_have_different_tags(parts: list[tuple[str, str, str, str]]) -> None:
    assert len({Scope(*item).tag for item in parts}) == len(parts)


def test_people_see_the_parts() -> None:
    tag = Scope("r.example/team/app", "prod", "linux/amd64", "feature/login").tag
    assert tag.startswith("cache-prod-linux-amd64-feature-login-")
