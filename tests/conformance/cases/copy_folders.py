"""COPY of folders, destinations relative to WORKDIR, owners and modes by flag."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.case import Case, Content, File, Folder, Symlink

_TREE: Mapping[str, Content] = {
    "d/a": "a",
    "d/s/b": "b",
    "d/empty": Folder(),
    "d/link": Symlink("a"),
    "d/x": File("x", 0o755),
}

CASES = (
    Case(
        name="folder-to-new-folder",
        dockerfile="""\
FROM busybox
COPY d /new
""",
        context=_TREE,
    ),
    Case(
        name="folder-to-new-folder-slashes",
        dockerfile="""\
FROM busybox
COPY d/ /new/
""",
        context=_TREE,
    ),
    Case(
        name="folder-mode-of-a-new-destination",
        dockerfile="""\
FROM busybox
COPY d /new
""",
        context={"d": Folder(0o700), "d/a": "a", "d/s": Folder(0o2750)},
    ),
    Case(
        name="folder-onto-an-existing-folder-of-another-mode-and-owner",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && chmod 700 /d /d/s && chown 1000:100 /d /d/s
COPY d /d
""",
        context={"d/a": "a", "d/s/b": "b"},
    ),
    Case(
        name="folder-over-files-of-its-names",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s && echo old > /d/a && echo keep > /d/s/k
COPY d /d
""",
        context={"d/a": "a", "d/s/b": "b"},
    ),
    Case(
        name="folder-through-a-symlinked-destination",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /dest
COPY d /dest
""",
        context=_TREE,
    ),
    Case(
        name="folder-onto-a-symlink-inside-the-destination",
        dockerfile="""\
FROM busybox
RUN mkdir -p /real /dest && ln -s /real /dest/s
COPY d /dest
""",
        context={"d/a": "a", "d/s/b": "b"},
        fails="s",
    ),
    Case(
        name="folder-onto-a-file",
        dockerfile="""\
FROM busybox
RUN touch /dest
COPY d /dest
""",
        context={"d/a": "a"},
        fails="dest",
    ),
    Case(
        name="sub-folder-onto-a-file",
        dockerfile="""\
FROM busybox
RUN mkdir /dest && touch /dest/s
COPY d /dest
""",
        context={"d/s/b": "b"},
        fails="s",
    ),
    Case(
        name="file-onto-a-folder-inside-the-destination",
        dockerfile="""\
FROM busybox
RUN mkdir -p /dest/a
COPY d /dest
""",
        context={"d/a": "a"},
        fails="a",
    ),
    Case(
        name="symlink-over-a-file-inside-the-destination",
        dockerfile="""\
FROM busybox
RUN mkdir -p /dest && echo old > /dest/link
COPY d /dest
""",
        context=_TREE,
    ),
    Case(
        name="several-folders",
        dockerfile="""\
FROM busybox
COPY d e /many/
""",
        context={"d/a": "a", "e/b": "b", "e/s/c": "c"},
    ),
    Case(
        name="everything-to-the-root",
        dockerfile="""\
FROM busybox
COPY . /
""",
        context={"etc/motd": "mine\n", "new/file": "f", "tmp/x": "x"},
    ),
    Case(
        name="everything-with-dockerfile",
        dockerfile="""\
FROM busybox
COPY . /src
""",
        context={"a": "a", ".git/HEAD": "ref"},
    ),
    Case(
        name="empty-folder",
        dockerfile="""\
FROM busybox
COPY empty /empty
""",
        context={"empty": Folder(0o750)},
    ),
    Case(
        name="dot-in-workdir",
        dockerfile="""\
FROM busybox
WORKDIR /work/dir
COPY d .
COPY d/a ./b
COPY d/a c/
""",
        context={"d/a": "a"},
    ),
    Case(
        name="destination-climbs-out-of-workdir",
        dockerfile="""\
FROM busybox
WORKDIR /work/dir
COPY a ../b
COPY a ../../../c
""",
        context={"a": "a"},
    ),
    Case(
        name="destination-with-variables",
        dockerfile="""\
FROM busybox
ENV where=/place name=n
COPY ${name}.txt $where/${name}/
""",
        context={"n.txt": "n"},
    ),
    Case(
        name="chown-by-name",
        dockerfile="""\
FROM busybox
COPY --chown=worker d /new/place
""",
        context=_TREE,
    ),
    Case(
        name="chown-by-name-and-group",
        dockerfile="""\
FROM busybox
COPY --chown=worker:staff d /new/place
""",
        context=_TREE,
    ),
    Case(
        name="chown-by-number",
        dockerfile="""\
FROM busybox
COPY --chown=4000 d /new/place
""",
        context=_TREE,
    ),
    Case(
        name="chown-by-numbers",
        dockerfile="""\
FROM busybox
COPY --chown=4000:5000 d/a /new/place/
""",
        context=_TREE,
    ),
    Case(
        name="chown-name-and-number",
        dockerfile="""\
FROM busybox
COPY --chown=other:5000 d/a /a
COPY --chown=7:users d/a /b
""",
        context=_TREE,
    ),
    Case(
        name="chown-by-a-user-whose-primary-group-differs",
        dockerfile="""\
FROM busybox
COPY --chown=other d/a /a
""",
        context=_TREE,
    ),
    Case(
        name="chown-onto-existing-folder",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/s
COPY --chown=worker:staff d /d
""",
        context=_TREE,
    ),
    Case(
        name="chown-by-an-unknown-name",
        dockerfile="""\
FROM busybox
COPY --chown=nobodyhere d /d
""",
        context=_TREE,
        fails="nobodyhere",
        stricter="docker 20.10 takes root for a name that is not there, without a word",
    ),
    Case(
        name="chown-keeps-setuid",
        dockerfile="""\
FROM busybox
COPY --chown=worker s /s
""",
        context={"s": File("s", 0o6755)},
    ),
    Case(
        name="chown-with-variables",
        dockerfile="""\
FROM busybox
ARG who=worker
ENV group=staff
COPY --chown=$who:${group} d /new
""",
        context=_TREE,
    ),
    Case(
        name="chown-sees-users-that-a-run-added",
        dockerfile="""\
FROM busybox
RUN echo app:x:77:88::/:/bin/sh >> /etc/passwd
COPY --chown=app d /new
""",
        context=_TREE,
    ),
    Case(
        name="copies-ignore-user",
        dockerfile="""\
FROM busybox
USER worker
COPY d /new/place/
WORKDIR /home/worker/w
COPY d/a .
""",
        context=_TREE,
    ),
    Case(
        name="chmod-octal",
        dockerfile="""\
FROM busybox
COPY --chmod=640 d/a /new/place/
COPY --chmod=4711 d/a /b
""",
        context=_TREE,
        excused={
            "/b: mode: 0711 != 4711": "docker 20.10 drops the setuid bit of --chmod, later versions do not"
        },
    ),
    Case(
        name="chmod-of-a-folder",
        dockerfile="""\
FROM busybox
COPY --chmod=0750 d /new/place
""",
        context=_TREE,
    ),
    Case(
        name="chmod-and-chown",
        dockerfile="""\
FROM busybox
COPY --chown=worker:staff --chmod=0600 d/a /a
""",
        context=_TREE,
    ),
    Case(
        name="sparse-parents-get-default-mode-and-owner",
        dockerfile="""\
FROM busybox
COPY --chown=worker --chmod=600 d/a /p/q/r/a
""",
        context=_TREE,
    ),
    Case(
        name="new-folders-below-a-setgid-folder",
        dockerfile="""\
FROM busybox
RUN mkdir /s && chown 5:77 /s && chmod 2775 /s
COPY f /s/new/f
COPY --chown=9:9 f /s/d2/d3/
WORKDIR /s/wd
""",
        context={"f": "f"},
    ),
)
