"""The image that the scripts run in: the program under several names, and files to work on."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from tests.calls.program import compile_file, compile_program, loader_and_libraries, without_interpreter

USER, GROUP = 1000, 2000
_SET = 1_000_000_000  # modification time of everything


@dataclass(frozen=True)
class _Item:
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    link: str = ""
    device: tuple[int, int] = (0, 0)
    kind: bytes = tarfile.REGTYPE
    xattrs: tuple[tuple[str, str], ...] = ()


def _folder(mode: int = 0o755, uid: int = 0, gid: int = 0) -> _Item:
    return _Item(mode, uid, gid, kind=tarfile.DIRTYPE)


def _link(target: str) -> _Item:
    return _Item(0o777, link=target, kind=tarfile.SYMTYPE)


_DATA = {
    "work": _folder(),
    "tmp": _folder(0o1777),
    "home": _folder(0o755, USER, USER),
    "home/own": _Item(0o644, USER, USER, b"of the user"),
    "home/read-only": _Item(0o444, USER, USER, b"of the user"),
    "home/closed": _folder(0o700, USER, USER),
    "home/closed/file": _Item(0o644, USER, USER, b"behind a closed folder"),
    "data": _folder(),
    "data/file": _Item(content=b"a file of root's\n"),
    "data/secret": _Item(0o600, content=b"root's alone"),
    "data/group": _Item(0o640, 0, GROUP, b"for the group"),
    "data/others": _Item(0o604, USER, GROUP, b"not for the group"),
    "data/none": _Item(0o000, USER, USER, b"for nobody"),
    "data/folder": _folder(),
    "data/folder/inner": _Item(content=b"inner"),
    "data/folder/deep": _folder(),
    "data/folder/deep/leaf": _Item(content=b"leaf"),
    "data/closed": _folder(0o700),
    "data/closed/file": _Item(content=b"behind"),
    "data/search": _folder(0o711),
    "data/search/file": _Item(content=b"found by name only"),
    "data/list": _folder(0o744),
    "data/list/file": _Item(content=b"seen but not reached"),
    "data/team": _folder(0o2775, 0, GROUP),
    "data/sticky": _folder(0o1777),
    "data/sticky/of-root": _Item(content=b"1"),
    "data/sticky/of-user": _Item(0o666, USER, USER, b"2"),
    "data/null": _Item(0o666, device=(1, 3), kind=tarfile.CHRTYPE),
    "data/fifo": _Item(0o644, kind=tarfile.FIFOTYPE),
    "data/marked": _Item(0o755, content=b"x", xattrs=(("user.colour", "blue"),)),
    "data/one": _Item(content=b"two names"),
    "data/other": _Item(link="data/one", kind=tarfile.LNKTYPE),
    "links": _folder(),
    "links/file": _link("../data/file"),
    "links/absolute": _link("/data/file"),
    "links/folder": _link("/data/folder"),
    "links/above": _link("../../../../../../data/file"),
    "links/dangling": _link("/work/not-there"),
    "links/loop": _link("loop"),
    "links/ping": _link("pong"),
    "links/pong": _link("ping"),
    "links/slash": _link("/"),
    "links/dots": _link("folder/../file"),
    "links/self": _link("/proc/self/exe"),
    "links/chain": _link("absolute"),
    "bin": _folder(),
    "etc": _folder(),
    "etc/passwd": _Item(content=b"root:x:0:0::/:/bin/sh\nu:x:1000:1000::/home:/bin/sh\n"),
    "etc/group": _Item(content=b"root:x:0:\nu:x:1000:\nteam:x:2000:u\n"),
    "run": _folder(),
    "run/script": _Item(0o755, content=b"#!/bin/show\nrest\n"),
    "run/argument": _Item(0o755, content=b"#! /bin/show  one two \nrest\n"),
    "run/nested": _Item(0o755, content=b"#!/run/argument more\n"),
    "run/relative": _Item(0o755, content=b"#!bin/show\n"),
    "run/through-link": _Item(0o755, content=b"#!/run/show-link\n"),
    "run/show-link": _link("../bin/show"),
    "run/no-interpreter": _Item(0o755, content=b"#!/bin/not-there\n"),
    "run/folder-as-interpreter": _Item(0o755, content=b"#!/data\n"),
    "run/interpreter-not-executable": _Item(0o755, content=b"#!/data/file\n"),
    "run/circle": _Item(0o755, content=b"#!/run/circle\n"),
    "run/long": _Item(0o755, content=b"#!/bin/show " + b"a" * 300 + b"\n"),
    "run/no-newline": _Item(0o755, content=b"#!/bin/show"),
    "run/empty": _Item(0o755),
    "run/text": _Item(0o755, content=b"echo no interpreter line\n"),
    "run/not-executable": _Item(0o644, content=b"#!/bin/show\n"),
    "run/only-root": _Item(0o700, content=b"#!/bin/show\n"),
    "run/setuid-script": _Item(0o4755, USER, USER, b"#!/bin/show\n"),
    "run/broken": _Item(0o755, content=b"\x7fELF" + b"\0" * 100),
}


def attack_program(folder: Path) -> Path:
    """The program that changes paths behind the supervisor's back, as ``make_image`` left it."""
    return folder / "race"


def make_image(folder: Path) -> Path:
    """Write the layer of the image to ``folder``; returns its path."""
    static, dynamic = folder / "static", folder / "dynamic"
    compile_program(static, "-static")
    compile_program(dynamic)
    program = static.read_bytes()
    race = attack_program(folder)
    compile_file(Path(__file__).parent / "attack/race.c", race)
    items = dict(_DATA)
    for name, mode, uid, gid in (
        ("calls", 0o755, 0, 0),
        ("show", 0o755, 0, 0),
        ("show-unreadable", 0o711, 0, 0),
        ("show-setuid", 0o4755, 0, 0),
        ("show-setuid-user", 0o4755, USER, USER),
        ("show-setgid", 0o2755, 0, GROUP),
        ("show-both", 0o6755, USER, GROUP),
        ("show-setgid-no-execute", 0o2745, USER, GROUP),
    ):
        items[f"bin/{name}"] = _Item(mode, uid, gid, program)
    killed = folder / "killed"
    compile_file(Path(__file__).parent / "attack/killed.c", killed)
    items["bin/killed"] = _Item(0o755, content=killed.read_bytes())
    items["bin/race"] = _Item(0o755, content=race.read_bytes())
    items["bin/show-dynamic"] = _Item(0o755, content=dynamic.read_bytes())
    items["bin/show-no-loader"] = _Item(0o755, content=without_interpreter(dynamic.read_bytes()))
    items["bin/busybox"] = _Item(0o755, content=Path("/bin/busybox").read_bytes())
    items["bin/sh"] = _link("busybox")
    for path, source in loader_and_libraries(dynamic).items():
        items |= {str(above)[1:]: _folder() for above in Path(path).parents if str(above) != "/"}
        items[path[1:]] = _Item(0o755, content=source.read_bytes())
    target = folder / "image.tar"
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(items):
            _add(tar, name, items[name])
    return target


def read_image(layer: Path) -> Image:
    """The image of one layer."""
    data = layer.read_bytes()
    digest = Digest.of(data)
    descriptor = Descriptor(media_types.OCI_LAYER_TAR, digest, len(data))
    return scratch(Platform("linux", "amd64")).append(
        Layer(descriptor, digest, lambda: io.BytesIO(data)), History()
    )


def _add(tar: tarfile.TarFile, name: str, item: _Item) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = item.kind, item.mode, item.uid, item.gid
    info.linkname, info.size, info.mtime = item.link, len(item.content), _SET
    info.devmajor, info.devminor = item.device
    info.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in item.xattrs}
    tar.addfile(info, io.BytesIO(item.content))
