"""Applies layer tars to an empty file system by the OCI image specification (layer.md), with the
standard library alone: a second opinion on what ci_builder.rootfs does."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.compare.entries import Entry, Filesystem

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}


class _Node:
    """A file with an identity: two paths with one node are hard links of each other."""

    __slots__ = ("entry",)

    def __init__(self, entry: Entry) -> None:
        self.entry = entry


def apply_layers(layers: Iterable[Path], below: Filesystem | None = None) -> Filesystem:
    """The file system that uncompressed or gzipped layer tars make, lowest first; on top of ``below``."""
    nodes = _nodes(below) if below else {}
    faults: list[str] = []
    for number, layer in enumerate(layers):
        with tarfile.open(layer, encoding="utf-8", errors="surrogateescape") as tar:
            for fault in _apply(nodes, tar):
                faults.append(f"layer {number}: {fault}")
    paths: dict[int, set[str]] = {}
    for path, node in nodes.items():
        paths.setdefault(id(node), set()).add(path)
    links = frozenset(frozenset(group) for group in paths.values() if len(group) > 1)
    return Filesystem({path: node.entry for path, node in nodes.items()}, links, tuple(faults))


def _nodes(files: Filesystem) -> dict[str, _Node]:
    nodes = {path: _Node(entry) for path, entry in files.entries.items()}
    for group in files.links:
        one = nodes[min(group)]
        nodes.update(dict.fromkeys(group, one))
    return nodes


def _apply(nodes: dict[str, _Node], tar: tarfile.TarFile) -> list[str]:
    faults = []
    members = tar.getmembers()
    for member in members:
        folder, name = _split(member.name)
        if name == _OPAQUE:
            _remove_below(nodes, folder)
        elif name.startswith(_WHITEOUT):
            gone = _join(folder, name[len(_WHITEOUT) :])
            if gone not in nodes:
                faults.append(f"{member.name}: hides nothing")
            _remove(nodes, gone)
    seen: set[str] = set()
    for member in members:
        if not _split(member.name)[1].startswith(_WHITEOUT):
            path = _join(*_split(member.name))
            if path in seen:
                faults.append(f"{path}: twice in one layer")
            seen.add(path)
            faults += _add(nodes, tar, member)
    return faults


def _add(nodes: dict[str, _Node], tar: tarfile.TarFile, member: tarfile.TarInfo) -> list[str]:
    folder, name = _split(member.name)
    path = _join(folder, name)
    faults = []
    if ".." in path.split("/"):
        faults.append(f"{path}: has a .. in it")
    above = nodes.get(folder)
    if folder and (above is None or above.entry.kind != "directory"):
        faults.append(f"{path}: its parent is no folder")
    if member.islnk():
        target = _join(*_split(member.linkname))
        if target not in nodes:
            return [*faults, f"{path}: a link to {target}, which is not there"]
        nodes[path] = nodes[target]
        return faults
    entry = _entry(tar, member)
    if entry.kind != "directory":
        _remove(nodes, path)
    nodes[path] = _Node(entry)
    return faults


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    xattrs = tuple(
        sorted(
            (key[len(_XATTR) :], value.encode("utf-8", "surrogateescape"))
            for key, value in member.pax_headers.items()
            if key.startswith(_XATTR)
        )
    )
    entry = Entry(
        kind=_KINDS[member.type],
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        xattrs=xattrs,
        modified=int(member.mtime),
    )
    if entry.kind == "file":
        return replace(entry, size=member.size, content=_hash(tar, member))
    if entry.kind == "symlink":
        return replace(entry, mode=0o777, target=member.linkname)
    if entry.kind in ("character", "block"):
        return replace(entry, device=(member.devmajor, member.devminor))
    return entry


def _hash(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    stream = tar.extractfile(member)
    if stream is None:
        raise ValueError(f"{member.name}: no content")
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _remove(nodes: dict[str, _Node], path: str) -> None:
    node = nodes.pop(path, None)
    if node is not None and node.entry.kind == "directory":
        _remove_below(nodes, path)


def _remove_below(nodes: dict[str, _Node], folder: str) -> None:
    prefix = f"{folder}/" if folder else ""
    for path in [path for path in nodes if path.startswith(prefix)]:
        del nodes[path]


def _split(name: str) -> tuple[str, str]:
    clean = name.strip("/")
    while clean.startswith("./"):
        clean = clean[2:]
    folder, _, last = clean.rpartition("/")
    return folder, "" if last == "." else last


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
