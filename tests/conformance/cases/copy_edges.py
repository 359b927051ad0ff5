"""Odd sources and destinations of COPY and ADD."""

from __future__ import annotations

from collections.abc import Mapping

import zstandard

from tests.conformance.case import Case, Content, File, Folder, Symlink
from tests.conformance.cases.add import archive

_TREE: Mapping[str, Content] = {
    "a.txt": "a",
    "b.txt": "b",
    "b.md": "md",
    "d/x": "x",
    "d/s/y": "y",
    "d/s/z.txt": "z",
    "other/x": "other x",
    "absolute": Symlink("/d/s"),
    "climbing": Symlink("../../d/x"),
    "dangling": Symlink("nowhere"),
    "round": Symlink("round"),
    "into": Symlink("d/s"),
    "[1].txt": "brackets",
    "back\\slash": "backslash",
    "emp ty": Folder(0o711),
}


def _edge(
    name: str, *lines: str, fails: str = "", stricter: str = "", lenient: str = "", tar: str = ""
) -> Case:
    """A case of those ``lines``; ``tar`` is an archive in its context."""
    text = "".join(f"{line}\n" for line in ("FROM busybox", *lines))
    context = {**_TREE, **({tar: File(archive())} if tar else {})}
    return Case(
        name=f"edge-{name}",
        dockerfile=text,
        context=context,
        fails=fails,
        stricter=stricter,
        lenient=lenient,
    )


CASES = (
    _edge("class-negated", "COPY [^b]*.txt /x/"),
    _edge("class-range", "COPY [a-b].[lmt]* /x/"),
    _edge("two-stars-are-one", "COPY **.txt /x/"),
    _edge(
        "star-for-folders-only",
        "COPY */x /x/",
        lenient="docker 20.10's client looks for x in every match of */x, and fails where that is a file",
    ),
    _edge("star-in-folder-and-file-names", "COPY d*/s*/z*.t?t /x/"),
    _edge("star-below-a-symlink", "COPY into/* /x/"),
    _edge("star-below-an-absolute-symlink", "COPY absolute/*.txt /x/"),
    _edge("star-finds-a-symlink-to-a-folder", "COPY int* /x/"),
    _edge("star-finds-a-climbing-symlink", "COPY clim* /x/"),
    _edge("star-finds-one-folder", "COPY othe? /x"),
    _edge("star-onto-a-file", "RUN echo old > /f", "COPY a.* /f"),
    _edge("star-at-the-end-of-a-folder", "COPY d/* /x/"),
    _edge("star-and-a-name", "COPY b.* a.txt /x/"),
    _edge("brackets-escaped", "COPY [[]1].txt /x/"),
    _edge("json-with-star", 'COPY ["emp*", "d/*", "/x y/"]'),
    _edge("source-with-a-slash", "COPY d/ /x", "COPY d/. /y", "COPY ./d/s/.. /z"),
    _edge("file-with-a-slash", "COPY a.txt/ /x"),
    _edge("source-through-what-is-not-there", "COPY nothing/../a.txt /x"),
    _edge("source-climbs", "COPY ../../a.txt d/../../b.txt /x/"),
    _edge("source-is-everything", "COPY d/.. /all", "COPY / /top", "COPY ../.. /up"),
    _edge("absolute-symlink-as-source", "COPY absolute /x"),
    _edge("climbing-symlink-as-source", "COPY climbing /x"),
    _edge("dangling-symlink-as-source", "COPY dangling /x", fails="dangling"),
    _edge("round-symlink-as-source", "COPY round /x", fails="round"),
    _edge("below-a-file", "COPY a.txt/b /x", fails="a.txt/b"),
    _edge("empty-folder-mode", 'COPY ["emp ty", "/x"]', 'COPY ["emp ty", "/y/"]'),
    _edge("destination-dot", "WORKDIR /w", "COPY a.txt .", "COPY b.txt ./", "COPY b.md ./."),
    _edge("destination-dots", "WORKDIR /w/v", "COPY a.txt ..", "COPY b.txt ../", "COPY b.md ../../../../m"),
    _edge("destination-empty", "WORKDIR /w", 'COPY ["a.txt", ""]'),
    _edge("destination-root", "COPY a.txt /", "COPY d /", "COPY d/s //"),
    _edge("destination-with-slash-is-a-file", "RUN touch /f", "COPY a.txt /f/", fails="f"),
    _edge("destination-below-a-file", "RUN touch /f", "COPY a.txt /f/g", fails="f"),
    _edge("destination-is-a-symlink-to-a-file", "RUN echo x > /f && ln -s f /l", "COPY a.txt /l"),
    _edge("destination-is-a-dangling-symlink", "RUN ln -s /new /l", "COPY d /l"),
    _edge("destination-dangling-with-slash", "RUN ln -s /new /l", "COPY a.txt /l/"),
    _edge("destination-is-a-relative-symlink", "RUN mkdir -p /q/r && ln -s q/r /l", "COPY d /l/m/n"),
    _edge("destination-symlink-in-workdir", "RUN mkdir /q && ln -s /q /w", "WORKDIR /w/e", "COPY a.txt f/"),
    _edge("several-folders-overlap", "COPY d other /x/"),
    _edge("several-with-one-missing", "COPY a.txt nothing /x/", fails="nothing"),
    _edge("same-twice", "COPY a.txt a.txt b.txt /x/"),
    _edge(
        "folder-and-star-without-slash",
        "COPY d a.* /x",
        fails="needs a directory as its destination",
        stricter="the reference wants a slash at the end of the destination of several sources",
    ),
    _edge("add-star", "ADD *.txt d /x/"),
    _edge("add-symlink", "ADD climbing into /x/"),
    _edge("add-symlink-to-an-archive", "ADD into/../../link.tar /x/", fails="link.tar"),
    _edge("add-archive-to-a-name", "ADD a.tar /new/name", tar="a.tar"),
    _edge("add-archive-onto-a-symlink", "RUN mkdir /r && ln -s r /x", "ADD a.tar /x", tar="a.tar"),
    _edge("add-archive-onto-a-file", "RUN touch /x", "ADD a.tar /x", fails="x", tar="a.tar"),
    _edge("add-archive-chmod", "ADD --chmod=600 a.tar /x/", tar="a.tar"),
    _edge("add-archive-in-a-folder", "ADD sub /x/", tar="sub/a.tar"),
    _edge("add-archive-that-a-star-finds", "ADD *.tar b.md /x/", tar="a.tar"),
    Case(
        name="edge-add-archive-through-a-symlink",
        dockerfile="FROM busybox\nADD l.tar /x/\n",
        context={"a.tar": File(archive()), "l.tar": Symlink("a.tar")},
    ),
    Case(
        name="edge-add-zstd",
        dockerfile="FROM busybox\nADD z.tar.zst /x/\n",
        reference="FROM busybox\nADD a.tar /x/\n",
        context={"z.tar.zst": File(zstandard.compress(archive())), "a.tar": File(archive())},
        excused={"history": "docker 20.10 does not know zstd, it unpacks the same archive uncompressed"},
    ),
    Case(
        name="edge-add-empty-file",
        dockerfile="FROM busybox\nADD e.tar /x/\n",
        context={"e.tar": File("")},
    ),
)
