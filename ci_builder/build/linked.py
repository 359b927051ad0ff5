"""COPY --link and ADD --link: a layer that does not know the image below.

The files are put into an empty folder, which becomes the layer as it is; then the layer is unpacked over
the workspace, as it would be over any other image (Dockerfile reference, "COPY --link").
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ci_builder.build.action import Step
from ci_builder.build.perform import Performer, perform
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import Made
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.convert import convert_layer
from ci_builder.rootfs.times import KEPT
from ci_builder.rootfs.tree import Tree


def linked_layer(step: Step, performer: Performer, blobs: Path, family: str, made: Made) -> Layer:
    """Do ``step`` by itself and lay the result over the workspace. Same files, same bytes, whatever is
    below; written as ``made`` says. Raises what ``perform``, ``write_layer`` and ``apply_layers`` raise."""
    workspace = performer.workspace
    with tempfile.TemporaryDirectory(prefix="link-", dir=performer.fetcher.temporary) as folder:
        os.chmod(folder, 0o755)  # a setgid bit would be inherited
        begun = os.stat(folder).st_mtime_ns
        alone = replace(performer, tree=Tree(folder, workspace.tree.ownership))
        for action in step.actions:
            perform(action, alone)
        changes = list(_everything(os.fsencode(folder), begun))
        layer = write_layer(changes, alone.tree, blobs, compression=made.compression, family=family)
    apply_layers((layer,), workspace.tree)
    workspace.changes()
    if made.times == KEPT:
        return layer
    # Later commands see the times as they are.
    return convert_layer(layer, blobs, made.compression, family=family, times=made.times)


def _everything(folder: bytes, begun: int) -> Iterator[Change]:
    """What is in ``folder``. The time of directories that were made or filled only now says nothing but
    when this was: they get the beginning of all time."""
    for path, folders, names in os.walk(folder, topdown=False):
        for name in (*names, *folders):
            entry = os.path.join(path, name)
            if name in folders and os.lstat(entry).st_mtime_ns >= begun and not os.path.islink(entry):
                os.utime(entry, (0, 0))
            yield Change(os.path.relpath(entry, folder), "present")
