"""COPY of files: names, destinations, wildcards."""

from __future__ import annotations

from tests.conformance.case import Case, File, Folder, Hard, Symlink

_CAPABILITY = "security.capability"
_NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")

CASES = (
    Case(
        name="file-to-new-file",
        dockerfile="""\
FROM busybox
COPY a.txt /b.txt
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-to-folder-with-slash",
        dockerfile="""\
FROM busybox
COPY a.txt /new/folder/
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-to-missing-parents",
        dockerfile="""\
FROM busybox
COPY a.txt /one/two/three/b.txt
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-to-existing-folder-without-slash",
        dockerfile="""\
FROM busybox
COPY a.txt /tmp
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-over-a-file",
        dockerfile="""\
FROM busybox
RUN chmod 600 /etc/motd && chown 1000:100 /etc/motd
COPY a.txt /etc/motd
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-over-one-of-two-hard-links",
        dockerfile="""\
FROM busybox
COPY a.txt /usr/lib/first
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-over-a-symlink-to-a-file",
        dockerfile="""\
FROM busybox
RUN ln -s /etc/motd /link
COPY a.txt /link
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-over-a-dangling-symlink",
        dockerfile="""\
FROM busybox
RUN ln -s /nowhere /link
COPY a.txt /link
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-to-a-symlink-to-a-folder",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /link
COPY a.txt /link
COPY a.txt /link/
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-through-a-symlinked-parent",
        dockerfile="""\
FROM busybox
RUN mkdir -p /real && ln -s real /link
COPY a.txt /link/sub/b.txt
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="file-through-a-symlink-that-climbs",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s ../../../../real /link
COPY a.txt /link/b.txt
""",
        context={"a.txt": "hello\n"},
    ),
    Case(
        name="several-files",
        dockerfile="""\
FROM busybox
COPY a.txt b.txt /many/
""",
        context={"a.txt": "a", "b.txt": "b"},
    ),
    Case(
        name="several-files-without-slash",
        dockerfile="""\
FROM busybox
COPY a.txt b.txt /many
""",
        context={"a.txt": "a", "b.txt": "b"},
        fails="needs a directory",
        stricter="docker 20.10 makes a folder of it, though its documentation demands the slash",
    ),
    Case(
        name="star",
        dockerfile="""\
FROM busybox
COPY *.txt /many/
""",
        context={"a.txt": "a", "b.txt": "b", "c.md": "c", ".hidden.txt": "h", "sub/d.txt": "d"},
    ),
    Case(
        name="star-in-the-middle-of-a-path",
        dockerfile="""\
FROM busybox
COPY */x.txt /many/
""",
        context={"one/x.txt": "a", "two/y.txt": "b", "three/deep/x.txt": "c"},
    ),
    Case(
        name="star-that-finds-one-without-slash",
        dockerfile="""\
FROM busybox
COPY pack*.json /p.json
""",
        context={"package.json": "{}"},
    ),
    Case(
        name="star-finds-folders-too",
        dockerfile="""\
FROM busybox
COPY s* /many/
""",
        context={"sub/d.txt": "d", "sub/deep/e.txt": "e", "single": "s"},
    ),
    Case(
        name="star-that-finds-nothing",
        dockerfile="""\
FROM busybox
COPY *.nothing /many/
""",
        context={"a.txt": "a"},
    ),
    Case(
        name="question-mark",
        dockerfile="""\
FROM busybox
COPY fil?.txt /many/
""",
        context={"file.txt": "a", "fill.txt": "b", "files.txt": "c"},
    ),
    Case(
        name="character-class",
        dockerfile="""\
FROM busybox
COPY [a-c]x[^0-9].txt /many/
""",
        context={"axa.txt": "1", "bx1.txt": "2", "cxz.txt": "3", "dxa.txt": "4"},
    ),
    Case(
        name="escaped-wildcard",
        dockerfile="""\
FROM busybox
COPY a[*].txt /many/
""",
        context={"a*.txt": "star", "ab.txt": "b"},
    ),
    Case(
        name="names-with-spaces",
        dockerfile="""\
FROM busybox
COPY ["a file.txt", "/a folder/"]
COPY ["a file.txt", "/with space.txt"]
""",
        context={"a file.txt": "spaced"},
    ),
    Case(
        name="odd-names",
        dockerfile="""\
FROM busybox
COPY odd /odd/
COPY ["odd/ä ö.txt", "/ünïcode"]
""",
        context={
            "odd/ä ö.txt": "u",
            "odd/a'b": "q",
            'odd/d"q': "d",
            "odd/$x": "v",
            "odd/#c": "c",
            "odd/~": "t",
        },
    ),
    Case(
        name="dot-files",
        dockerfile="""\
FROM busybox
COPY .env .config/ /dots/
""",
        context={".env": "A=1", ".config/.x": "x", ".config/y": "y"},
    ),
    Case(
        name="modes-are-kept",
        dockerfile="""\
FROM busybox
COPY . /all/
""",
        context={
            "setuid": File("s", 0o4755),
            "setgid": File("s", 0o2755),
            "secret": File("s", 0o600),
            "script": File("#!/bin/sh\n", 0o755),
            "everyone": File("s", 0o666),
            "sticky": Folder(0o1777),
            "closed": Folder(0o700),
            "group": Folder(0o2775),
        },
    ),
    Case(
        name="owners-are-not-kept",
        dockerfile="""\
FROM busybox
COPY . /all/
""",
        context={"a": File("a", 0o640, (1234, 2345)), "sub": Folder(0o750, (1234, 0)), "sub/b": "b"},
    ),
    Case(
        name="symlink-as-source",
        dockerfile="""\
FROM busybox
COPY link /copied
""",
        context={"a.txt": "a", "link": Symlink("a.txt")},
    ),
    Case(
        name="symlink-to-a-folder-as-source",
        dockerfile="""\
FROM busybox
COPY link /copied/
""",
        context={"real/x": "x", "link": Symlink("real")},
    ),
    Case(
        name="symlink-found-by-a-star",
        dockerfile="""\
FROM busybox
COPY l* /copied/
""",
        context={"a.txt": "a", "link": Symlink("a.txt")},
    ),
    Case(
        name="path-through-a-symlink-in-the-context",
        dockerfile="""\
FROM busybox
COPY link/x /copied
""",
        context={"real/x": "x", "link": Symlink("real")},
    ),
    Case(
        name="hard-links-in-the-context",
        dockerfile="""\
FROM busybox
COPY . /all/
""",
        context={"a": "same", "sub/b": Hard("a"), "c": Hard("a")},
    ),
    Case(
        name="missing-source",
        dockerfile="""\
FROM busybox
COPY nothing /x
""",
        fails="nothing",
    ),
    Case(
        name="star-in-a-folder-that-is-not-there",
        dockerfile="FROM busybox\nCOPY nodir/*.txt /c/\n",
        context={"a.txt": "a"},
        fails='"/nodir" is not in the build context',
    ),
    Case(
        name="star-in-a-folder-that-a-stage-has-not",
        dockerfile="FROM busybox AS a\nFROM busybox\nCOPY --from=a /nodir/*.txt /c/\n",
        fails='"/nodir" is not in stage 0',
    ),
    Case(
        name="star-in-an-ignored-folder",
        dockerfile="FROM busybox\nCOPY a/b/*.txt /c/\n",
        context={"a/b/x.txt": "x", "c": "c", ".dockerignore": "a/b\n"},
        fails='"/a/b" is not in the build context (.dockerignore leaves it out)',
    ),
    Case(
        name="star-that-matches-nothing-in-a-folder",
        dockerfile="FROM busybox\nRUN mkdir /c\nCOPY d/*.none /c/\n",
        context={"d/x": "x"},
    ),
    Case(
        name="symlink-to-nothing-as-source",
        dockerfile="FROM busybox\nCOPY link /x\n",
        context={"link": Symlink("nowhere"), "LINK2": "x"},
        fails="a symbolic link to 'nowhere', which is not there",
    ),
    Case(
        name="source-outside-is-clamped",
        dockerfile="""\
FROM busybox
COPY ../../a.txt /x
""",
        context={"a.txt": "a"},
    ),
    Case(
        name="source-with-a-leading-slash",
        dockerfile="""\
FROM busybox
COPY /sub/a.txt /x
""",
        context={"sub/a.txt": "a"},
    ),
    Case(
        name="empty-and-large-files",
        dockerfile="""\
FROM busybox
COPY . /all/
""",
        context={"empty": "", "large": File(b"0123456789abcdef" * 200_000)},
    ),
    Case(
        name="capabilities-in-the-context",
        dockerfile="""\
FROM busybox
COPY a /a
COPY . /all/
""",
        context={"a": File("a", xattrs=((_CAPABILITY, _NET_RAW),))},
    ),
    Case(
        name="backslashes-in-names",
        dockerfile="""\
FROM busybox
COPY back\\\\slash /one
COPY ["back\\\\slash", "/two"]
COPY back\\slash /three
COPY back*slash /all/
""",
        context={"back\\slash": "with", "backslash": "without"},
    ),
    Case(
        name="extended-attributes-in-the-context",
        dockerfile="""\
FROM busybox
COPY a /a
""",
        context={"a": File("a", xattrs=(("user.colour", b"blue"),))},
    ),
)
