"""COPY --link and ADD --link: a layer that does not know the image below.

The files are put into an empty folder, which becomes the layer as it is; then the layer is unpacked over
the workspace, as it would be over any other image (Dockerfile reference, "COPY --link").
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ci_builder.build.action import Step
from ci_builder.build.perform import Performer, perform
from ci_builder.executors.removal import remove_folder
from ci_builder.oci.layer import Layer
from ci_builder.outputs.variants import Made
from ci_builder.rootfs.apply import apply_layers
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change, Changes
from ci_builder.rootfs.convert import convert_layer
from ci_builder.rootfs.export import every_path
from ci_builder.rootfs.metadata import set_time
from ci_builder.rootfs.paths import Directories
from ci_builder.rootfs.times import KEPT
from ci_builder.rootfs.tree import Tree
from ci_builder.values import replace


def linked_layer(
    step: Step, performer: Performer, blobs: Path, family: str, made: Made, *, over: bool
) -> Layer:
    """Do ``step`` by itself and, with ``over``, lay the result over the workspace. Same files, same bytes,
    whatever is below; written as ``made`` says. Raises what ``perform``, ``write_layer`` and
    ``apply_layers`` raise."""
    workspace = performer.workspace
    folder = tempfile.mkdtemp(prefix="link-", dir=performer.fetcher.temporary)
    try:
        os.chmod(folder, 0o755)  # a setgid bit would be inherited
        begun = os.stat(folder).st_mtime_ns
        alone = replace(performer, tree=Tree(folder, workspace.tree.ownership))
        for action in step.actions:
            perform(action, alone)
        changes = Changes.of(every_path(alone.tree))
        _settle(changes, alone.tree, begun)
        layer = write_layer(changes, alone.tree, blobs, compression=made.compression, family=family)
    finally:
        remove_folder(folder)
    if over:
        apply_layers((layer,), workspace.tree)
        workspace.changes()
    if made.times == KEPT:
        return layer
    # Later commands see the times as they are.
    return convert_layer(layer, blobs, made.compression, family=family, times=made.times)


def _settle(changes: Iterable[Change], tree: Tree, begun: int) -> None:
    """The time of a directory that was made or filled only now says nothing but when this was: it becomes
    the beginning of all time."""
    with Directories(tree) as directories:
        for change in changes:
            place = directories.place(change.path)
            found = os.stat(place.name, dir_fd=place.parent, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) and found.st_mtime_ns >= begun:
                set_time(place.parent, place.name, 0)
