"""An order to the launcher survives its way as bytes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ci_builder.executors.interface import Process
from ci_builder.executors.launch import Launch, PrivateRoot
from ci_builder.request import ResourceLimit

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.just("odd \udcff bytes")
NUMBERS = st.integers(-1, 2**62)
PROCESSES = st.builds(
    Process,
    argv=st.lists(TEXT, min_size=1).map(tuple),
    env=st.lists(st.tuples(TEXT, TEXT)).map(tuple),
    cwd=TEXT,
    uid=st.integers(0, 2**31),
    gid=st.integers(0, 2**31),
    groups=st.lists(st.integers(0, 2**31)).map(tuple),
    network=st.sampled_from(["default", "none", "host"]),
    stdin=st.binary(),
    files=st.lists(st.tuples(TEXT, st.binary(), st.integers(0, 0o777))).map(tuple),
    limits=st.lists(st.builds(ResourceLimit, TEXT, st.integers(-1, 2**62), st.integers(-1, 2**62))).map(
        tuple
    ),
    seconds=st.sampled_from([0, 0.5, 1800]),
)
ROOTS = st.none() | st.builds(
    PrivateRoot,
    folder=TEXT,
    files=st.lists(st.tuples(TEXT, TEXT)).map(tuple),
    guard=st.booleans(),
    network=st.booleans(),
    hostname=TEXT,
)


@given(PROCESSES, ROOTS, st.booleans())
def test_there_and_back(process: Process, root: PrivateRoot | None, dry: bool) -> None:
    # Standard input travels as a descriptor, beside the order.
    wanted = Launch(replace(process, stdin=b""), root, dry)
    assert Launch.from_bytes(Launch(process, root, dry).to_bytes()) == wanted
