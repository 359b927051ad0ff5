"""When ``/`` may be replaced: the check that must never be too weak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_builder.executors.disposable import Evidence, objection, survives

CONTAINER = Evidence(False, "sh", ("/.dockerenv",), "overlay", "/usr/bin/python3")
MACHINE = Evidence(False, "systemd", (), "ext4", "/usr/bin/python3")


def test_the_builder_image_is_enough() -> None:
    assert objection(replace(CONTAINER, marker=True), allowed=False) == ""


@pytest.mark.parametrize("evidence", [CONTAINER, MACHINE])
def test_anything_else_needs_the_users_word(evidence: Evidence) -> None:
    assert "might not be disposable" in objection(evidence, allowed=False)


def test_the_users_word_is_enough_in_a_container() -> None:
    assert objection(CONTAINER, allowed=True) == ""
    assert objection(replace(CONTAINER, container_files=()), allowed=True) == ""


@pytest.mark.parametrize(
    "evidence",
    [
        MACHINE,
        replace(MACHINE, first_process="sh"),
        replace(CONTAINER, first_process="systemd"),
        replace(MACHINE, first_process="sh", root_kind=""),
    ],
)
def test_the_users_word_is_not_enough_on_a_machine(evidence: Evidence) -> None:
    assert objection(evidence, allowed=True)


def test_the_interpreter_must_lie_in_what_is_kept() -> None:
    kept = frozenset({b"/ci-builder", b"/proc"})
    assert survives("/ci-builder/python/bin/python3", kept)
    assert not survives("/usr/bin/python3", kept)
    assert not survives("/ci-builder-other/python3", kept)
