"""Steps whose layer is written without a copy of its files on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ci_builder.build.action import CopyFiles, Step
from ci_builder.build.copy.source import Found, find
from ci_builder.build.copy.streamed import Streamed
from ci_builder.build.perform import Performer, explained, placement_for
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import Made
from ci_builder.rootfs.blob import write_blob

_ACCOUNTS = "/etc"
"""Where the names of users are, which later steps look up."""


def streamed_layer(
    step: Step, performer: Performer, blobs: Path, family: str, made: Made, *, traces: bool
) -> Layer | None:
    """The layer of a COPY or ADD of one thing, written as ``made`` says; None for every other step, with
    nothing done. ``traces``: later steps have to see what was copied (see ``Streamed``). Raises
    CiBuilderError."""
    action = _plain(step)
    if action is None:
        return None
    destination = os.fsencode(action.destination)
    if traces and (action.destination.strip("/") == "" or action.destination.startswith(_ACCOUNTS)):
        return None
    try:
        with performer.source(action.origin) as origin:
            found = find(origin, action.sources[0])
            if len(found) != 1 or not _can_be_streamed(found[0], action):
                return None
            placement = placement_for(performer.tree, action.owner, action.mode)
            streamed = Streamed(found[0], origin, placement, destination, made.times, traces)
            return write_blob(streamed.write, blobs, made.compression, family)
    except OSError as error:
        raise explained(error) from error


def _plain(step: Step) -> CopyFiles | None:
    if step.linked or len(step.actions) != 1:
        return None
    action = step.actions[0]
    if not isinstance(action, CopyFiles) or action.inline or len(action.sources) != 1:
        return None
    return None if action.excludes or any(action.parents) else action


def _can_be_streamed(found: Found, action: CopyFiles) -> bool:
    mode = found.status.st_mode
    return stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not action.unpack)
