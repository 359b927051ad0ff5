"""What ``verify`` builds of the options of ``build``, and how it tells what differs."""

from __future__ import annotations

from pathlib import Path

from ci_builder import options
from ci_builder.cli.verify import forms_of, into, report
from ci_builder.outputs.difference import Difference
from ci_builder.request import CacheOptions, OutputSpec, Request

_LAYOUT = ("tar", "false")


def _forms(*texts: str) -> tuple[OutputSpec, ...]:
    return forms_of(Request(outputs=tuple(options.output(text) for text in texts), push=True))


def test_forms() -> None:
    assert _forms() == (OutputSpec("oci", "", (_LAYOUT,)),)
    assert _forms("type=registry,name=a,push-by-digest=true,registry.insecure=true,compression=zstd") == (
        OutputSpec("oci", "", (_LAYOUT, ("compression", "zstd"))),
    )
    assert _forms("type=local,dest=x,mode=copy,target=files", "type=tar,dest=y") == (
        OutputSpec("oci", "", (_LAYOUT, ("target", "files"))),
        OutputSpec("oci", "", (_LAYOUT,)),
    )
    # What gives the same image is built once.
    assert len(_forms("type=oci,dest=a", "type=oci,dest=b,tar=false", "type=docker,dest=c", "out")) == 1
    # What nobody knows stays, and is an error of the build.
    assert _forms("type=image,nonsense=1")[0].attributes == (_LAYOUT, ("nonsense", "1"))


def test_nothing_is_pushed_or_written() -> None:
    asked = Request(
        tags=("r.io/a",),
        push=True,
        iid_file=Path("i"),
        metadata_file=Path("m"),
        build_args=(("A", "b"),),
        cache=CacheOptions(repository="r.io/c", without=("s",)),
    )
    made = into(asked, forms_of(asked), Path("/tmp/x"))
    assert made.outputs == (OutputSpec("oci", "/tmp/x/0", (_LAYOUT,)),)
    assert made == Request(
        outputs=made.outputs, build_args=(("A", "b"),), cache=CacheOptions(without=("s",), off=True)
    )


def _difference(
    where: str = "layer 2", step: str = "RUN x", path: str = "/f", how: str = "time"
) -> Difference:
    return Difference(where, step, path, how, "1", "2")


def test_report() -> None:
    found = [_difference(), _difference(path="/g", how="mode"), _difference("config", "", "a.b", "value")]
    assert report(found) == [
        "layer 2 (RUN x)",
        "  /f: time: 1 -> 2",
        "  /g: mode: 1 -> 2",
        "config",
        "  a.b: value: 1 -> 2",
    ]
    assert report([_difference(path="")])[1] == "  (all): time: 1 -> 2"


def test_the_hint_is_about_times_alone() -> None:
    only = [_difference(), _difference("config", "", "created", "created")]
    assert "SOURCE_DATE_EPOCH" in report(only)[-1]
    assert "SOURCE_DATE_EPOCH" not in report([*only, _difference(how="size")])[-1]


def test_many_differences_are_cut() -> None:
    lines = report([_difference(path=f"/{number}", how="mode") for number in range(1000)])
    assert len(lines) == 202
    assert lines[-1] == "and 800 more"
