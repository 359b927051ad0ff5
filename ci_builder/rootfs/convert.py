"""A layer in another compression, or with other times: read, checked, written anew in one pass."""

from __future__ import annotations

import stat as stat_module
from pathlib import Path

from ci_builder.oci.layer import Layer
from ci_builder.rootfs import tar_writer, whiteout
from ci_builder.rootfs.apply import blamed, verified_blocks
from ci_builder.rootfs.blob import write_blob
from ci_builder.rootfs.compress import Compression
from ci_builder.rootfs.metadata import Metadata
from ci_builder.rootfs.pack import Write
from ci_builder.rootfs.tar_reader import Entry, TarReader
from ci_builder.rootfs.tar_writer import entry_header, padding
from ci_builder.rootfs.times import KEPT, Times

_TYPES = {
    "file": stat_module.S_IFREG,
    "link": stat_module.S_IFREG,
    "symlink": stat_module.S_IFLNK,
    "character": stat_module.S_IFCHR,
    "block": stat_module.S_IFBLK,
    "directory": stat_module.S_IFDIR,
    "fifo": stat_module.S_IFIFO,
}


def convert_layer(
    layer: Layer, folder: Path, compression: Compression, *, family: str = "oci", times: Times = KEPT
) -> Layer:
    """``layer`` in ``compression``, written to ``folder`` as ``write_layer`` does; its tar stays as it is
    byte for byte unless ``times`` changes something.

    ``times`` is for layers that this program packed: they come out as ``pack`` would have written them
    with these times. Raises OutputError, DigestMismatch, ImageError, and what reading the layer raises.
    """

    def produce(write: Write) -> None:
        if times == KEPT:
            for block in verified_blocks(layer):
                write(block)
            return
        reader = TarReader(verified_blocks(layer))
        for entry in reader:
            _rewrite(entry, reader, write, times)
        write(tar_writer.END)

    with blamed(layer):
        return write_blob(produce, folder, compression, family)


def _rewrite(entry: Entry, reader: TarReader, write: Write, times: Times) -> None:
    mode = _TYPES[entry.kind] | entry.mode
    name = entry.name.rstrip(b"/")
    # Whiteouts have no time of their own: pack gives them all the same one.
    is_whiteout = name.rpartition(b"/")[2].startswith(whiteout.PREFIX)
    moment = entry.mtime_ns if is_whiteout else times.of(entry.mtime_ns)
    metadata = Metadata(mode, entry.uid, entry.gid, moment, entry.xattrs)
    hard = entry.kind == "link"
    write(entry_header(name, metadata, size=entry.size, link=entry.link, hard=hard, device=entry.device))
    for _, piece in reader.content():
        write(bytes(piece))
    write(padding(entry.size))
