"""Which stages are built for which outputs, and how their layers are written."""

from __future__ import annotations

import io

import pytest

from ci_builder.build.plan import PlanOptions, plan
from ci_builder.build.targets import how_stages_are_made, targets_of
from ci_builder.dockerfile.dockerfile import parse
from ci_builder.oci.platform import Platform
from ci_builder.outputs.archive import ArchiveStreamOutput
from ci_builder.outputs.choose import Wanted
from ci_builder.outputs.form import Form
from ci_builder.outputs.variants import Made
from ci_builder.request import Request
from ci_builder.rootfs.compress import GZIP, Compression
from ci_builder.rootfs.times import Times
from ci_builder.span import Source

_AMD64 = Platform("linux", "amd64")
_ZSTD = Compression("zstd")
_CUT = Times(latest=9)
_STAGES = "FROM a AS one\nFROM one AS two\nFROM b AS three\n"


def _wanted(target: str = "", form: Form | None = None) -> Wanted:
    return Wanted(ArchiveStreamOutput(io.BytesIO(), docker=False), (), target, form)


@pytest.mark.parametrize(
    ("target", "more", "outputs", "expected"),
    [
        ("", (), ("",), ("",)),
        ("a", (), ("",), ("a",)),
        ("a", ("b",), ("",), ("a", "b")),
        ("a", ("b",), ("b", "c"), ("a", "b", "c")),
        ("", (), ("b", ""), ("", "b")),
        ("", (), ("b", "c", "b"), ("b", "c")),
    ],
)
def test_targets(target: str, more: tuple[str, ...], outputs: tuple[str, ...], expected: tuple[str]) -> None:
    request = Request(target=target, more_targets=more)
    assert targets_of(request, [_wanted(name) for name in outputs]) == expected


def _made(targets: tuple[str, ...], *outputs: Wanted) -> dict[int, Made]:
    options = PlanOptions(_AMD64, _AMD64, target=targets[0], others=targets[1:])
    planned = plan(parse(Source("Dockerfile", _STAGES)), options)
    return how_stages_are_made(planned, targets, outputs, 9)


def test_each_stage_is_made_for_its_outputs() -> None:
    cut, plain = Form(_ZSTD, rewrite=True), Form()
    assert _made(("two",), _wanted(form=cut)) == {0: Made(_ZSTD), 1: Made(_ZSTD, _CUT)}
    assert _made(("two", "three"), _wanted(form=cut), _wanted("three", plain)) == {
        0: Made(GZIP),
        1: Made(_ZSTD, _CUT),
        2: Made(GZIP),
    }


def test_a_target_that_another_is_made_from_keeps_its_times() -> None:
    cut = Form(_ZSTD, rewrite=True)
    made = _made(("one", "two"), _wanted(form=cut), _wanted("two", cut))
    assert made == {0: Made(_ZSTD), 1: Made(_ZSTD, _CUT)}


def test_files_want_no_form() -> None:
    assert _made(("three",), _wanted()) == {2: Made(GZIP)}
