"""ADD of local files and archives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile

from tests.conformance.case import Case, File, Symlink


def topped() -> bytes:
    """What ``tar -C folder -c .`` makes of a private folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, mode in (("./", tarfile.DIRTYPE, 0o700), ("./in", tarfile.REGTYPE, 0o600)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = kind, mode, 7, 8
            tar.addfile(entry)
    return stream.getvalue()


def archive(everything: tuple[int, int] | None = None) -> bytes:
    """A tar with files of all kinds; ``everything`` is the owner of all of them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, owner, target in (
            ("t", tarfile.DIRTYPE, 0o750, 1000, ""),
            ("t/a", tarfile.REGTYPE, 0o640, 1000, ""),
            ("t/hard", tarfile.LNKTYPE, 0o640, 1000, "t/a"),
            ("t/link", tarfile.SYMTYPE, 0o777, 7, "a"),
            ("t/setuid", tarfile.REGTYPE, 0o4755, 0, ""),
            ("deep/without/parents", tarfile.REGTYPE, 0o600, 5, ""),
            ("t/pipe", tarfile.FIFOTYPE, 0o600, 5, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, mode
            entry.uid, entry.gid = everything or (owner, owner)
            entry.linkname, entry.mtime = target, 1_500_000_000
            data = name.encode() if kind == tarfile.REGTYPE else b""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


CASES = (
    Case(
        name="add-file",
        dockerfile="""\
FROM busybox
ADD a /b
ADD a /c/
""",
        context={"a": File("a", 0o640)},
    ),
    Case(
        name="add-folder",
        dockerfile="""\
FROM busybox
ADD d /new
""",
        context={"d/a": "a", "d/s/b": "b", "d/link": Symlink("a")},
    ),
    Case(
        name="add-several",
        dockerfile="""\
FROM busybox
ADD a b d /many/
""",
        context={"a": "a", "b": "b", "d/c": "c"},
    ),
    Case(
        name="add-tar",
        dockerfile="""\
FROM busybox
ADD a.tar /x
""",
        context={"a.tar": File(archive())},
    ),
    Case(
        name="add-tar-gz",
        dockerfile="""\
FROM busybox
ADD a.tar.gz /x/
""",
        context={"a.tar.gz": File(gzip.compress(archive()))},
    ),
    Case(
        name="add-tar-bz2-by-content-not-by-name",
        dockerfile="""\
FROM busybox
ADD archive /x/
""",
        context={"archive": File(bz2.compress(archive()))},
    ),
    Case(
        name="add-tar-xz",
        dockerfile="""\
FROM busybox
ADD a.txz /x/
""",
        context={"a.txz": File(lzma.compress(archive()))},
    ),
    Case(
        name="add-tar-over-existing",
        dockerfile="""\
FROM busybox
RUN mkdir -p /x/t/a && mkdir /x/t/keep && touch /x/t/setuid
ADD a.tar /x/
""",
        context={"a.tar": File(archive())},
    ),
    Case(
        name="add-tar-with-chown",
        dockerfile="""\
FROM busybox
ADD --chown=worker:staff a.tar /x/
""",
        reference="""\
FROM busybox
ADD --chown=worker:staff theirs.tar /x/
""",
        context={"a.tar": File(archive()), "theirs.tar": File(archive((1000, 50)))},
        excused={"history": "docker 20.10 leaves the archive's owners, so it is given one that has them"},
    ),
    Case(
        name="add-tar-that-tells-of-its-own-folder",
        dockerfile="""\
FROM busybox
RUN mkdir -p /srv/app && chown worker /srv/app && chmod 751 /srv/app
ADD topped.tar /srv/app
ADD topped.tar /new/
""",
        context={"topped.tar": File(topped())},
    ),
    Case(
        name="add-unpack-false",
        dockerfile="""\
FROM busybox
ADD --unpack=false a.tar b /x/
""",
        reference="""\
FROM busybox
COPY a.tar b /x/
""",
        context={"a.tar": File(archive()), "b": "b"},
        excused={"history": "docker 20.10 knows no --unpack, it builds the text that means the same"},
    ),
    Case(
        name="add-unpack-true",
        dockerfile="""\
FROM busybox
ADD --unpack --chmod=600 a.tar b /x/
""",
        reference="""\
FROM busybox
ADD --chmod=600 a.tar b /x/
""",
        context={"a.tar": File(archive()), "b": "b"},
        excused={"history": "docker 20.10 knows no --unpack, it builds the text that means the same"},
    ),
    Case(
        name="add-gzip-that-is-no-tar",
        dockerfile="""\
FROM busybox
ADD plain.gz /x/
""",
        context={"plain.gz": File(gzip.compress(b"no tar", mtime=0))},
    ),
    Case(
        name="add-text-named-tar",
        dockerfile="""\
FROM busybox
ADD fake.tar /x/
""",
        context={"fake.tar": "not a tar\n"},
    ),
    Case(
        name="add-tars-by-wildcard-and-a-file",
        dockerfile="""\
FROM busybox
ADD *.tar file /x/
""",
        context={"a.tar": File(archive()), "file": "f"},
    ),
    Case(
        name="copy-does-not-unpack",
        dockerfile="""\
FROM busybox
COPY a.tar /x/
""",
        context={"a.tar": File(archive())},
    ),
    Case(
        name="add-star-in-a-folder-that-is-not-there",
        dockerfile="FROM busybox\nADD nodir/*.tar /c/\n",
        context={"a.txt": "a"},
        fails='"/nodir" is not in the build context',
    ),
    Case(
        name="add-missing",
        dockerfile="""\
FROM busybox
ADD nothing /x/
""",
        fails="nothing",
    ),
)
