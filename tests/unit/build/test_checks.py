"""Lint of a Dockerfile that cannot be planned: what can be said without a plan is."""

from __future__ import annotations

from ci_builder.build.checks import findings_without_bases
from ci_builder.build.plan import PlanOptions
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.oci.platform import Platform
from ci_builder.span import Source

AMD64 = Platform("linux", "amd64")


def _found(text: str) -> list[tuple[str, int]]:
    options = PlanOptions(AMD64, AMD64)
    findings = findings_without_bases(parse(Source("Dockerfile", text)), options)
    return sorted((finding.rule, finding.span.first) for finding in findings)


def test_rules_about_from_hold_where_one_names_nothing() -> None:
    text = "ARG V\nFROM --platform=$TARGETPLATFORM busybox:$V\nFROM ${nope} AS Last\n"
    assert _found(text) == [
        ("InvalidDefaultArgInFrom", 2),
        ("InvalidDefaultArgInFrom", 3),
        ("RedundantTargetPlatform", 2),
        ("StageNameCasing", 3),
        ("UndefinedArgInFrom", 3),
    ]


def test_an_arg_that_cannot_be_expanded_leaves_the_rules_without_values() -> None:
    assert _found("ARG V=${x:?no}\nFROM a:$V AS Last\n") == [("StageNameCasing", 2)]
