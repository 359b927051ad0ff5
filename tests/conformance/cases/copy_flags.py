"""COPY --link, --parents, --exclude and --chmod in letters.

docker 20.10 knows none of them: it builds a text that means the same by the Dockerfile reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.case import Case, Content, File, Folder, Hard, Symlink

_OLDER = {"history": "docker 20.10 does not know the flag, it builds the text that means the same"}

_TREE: Mapping[str, Content] = {
    "src/a.go": "a",
    "src/a_test.go": "test",
    "src/deep": Folder(0o775),
    "src/deep/b.go": File("b", 0o664),
    "src/deep/b_test.go": "test",
    "src/deep/er/c.go": "c",
    "src/empty": Folder(0o777),
    "src/link": Symlink("deep/er"),
    "src/vendor/v.go": "v",
    "src/vendor/keep/k.go": "k",
    "top.txt": "top",
    "top.md": "md",
}

_LINK = (
    Case(
        name="link-onto-a-symlink-of-the-base",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /dest && ln -s /real/a /file
COPY --link top.txt /dest/a
COPY --link top.txt /file
RUN test ! -e /real/a && test ! -L /dest && cat /dest/a
""",
        reference="""\
FROM busybox
RUN mkdir /real /dest
COPY top.txt /dest/a
COPY top.txt /file
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-into-folders-of-the-base",
        dockerfile="""\
FROM busybox
RUN mkdir -p /d/e && chmod 1777 /d && chown 7:8 /d && chmod 2750 /d/e && echo keep > /d/keep
COPY --link top.txt /d/e/new/
""",
        reference="""\
FROM busybox
RUN mkdir -p /d/e && echo keep > /d/keep
COPY top.txt /d/e/new/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-over-what-is-there",
        dockerfile="""\
FROM busybox
RUN mkdir -p /x/folder/below && echo old > /x/file && ln -s file /x/link && touch /x/folder/below/f
COPY --link top.txt /x/file
COPY --link top.txt /x/link
COPY --link top.txt /x/folder
COPY --link src/deep /x/file
RUN test -f /x/folder && test -f /x/link && test -d /x/file && touch /x/file/after
""",
        reference="""\
FROM busybox
COPY top.txt /x/link
COPY top.txt /x/folder
COPY src/deep /x/file
RUN touch /x/file/after
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-chown-by-number",
        dockerfile="""\
FROM busybox
COPY --link --chown=4000:5000 src /new/place
COPY --link --chown=4000 top.txt /other/
COPY --link --chown=root:root top.txt /root-s/
""",
        reference="""\
FROM busybox
COPY --chown=4000:5000 src /new/place
COPY --chown=4000 top.txt /other/
COPY --chown=root:root top.txt /root-s/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-chmod-is-no-layer-of-its-own",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /dest
COPY --link --chown=worker --chmod=0750 top.txt /dest/a
""",
        reference="""\
FROM busybox
RUN mkdir /real && ln -s /real /dest
COPY --chown=worker --chmod=0750 top.txt /dest/a
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-from-a-stage",
        dockerfile="""\
FROM busybox AS build
RUN mkdir -p /out/bin && echo x > /out/bin/x && chmod 4755 /out/bin/x && chown -R 3:4 /out
RUN ln /out/bin/x /out/bin/y && ln -s x /out/bin/z
FROM busybox
WORKDIR /w
COPY --link --from=build /out .
RUN cat bin/x && rm bin/y
COPY --link --from=0 /out/bin/x /out/bin/y more/
""",
        reference="""\
FROM busybox AS build
RUN mkdir -p /out/bin && echo x > /out/bin/x && chmod 4755 /out/bin/x && chown -R 3:4 /out
RUN ln /out/bin/x /out/bin/y && ln -s x /out/bin/z
FROM busybox
WORKDIR /w
COPY --from=build /out .
RUN cat bin/x && rm bin/y
COPY --from=0 /out/bin/x /out/bin/y more/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-onto-scratch",
        dockerfile="""\
FROM scratch
COPY --link src /s
ADD --link top.txt /s/
""",
        reference="""\
FROM scratch
COPY src /s
ADD top.txt /s/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="link-sees-no-user-of-the-image",
        dockerfile="FROM busybox\nCOPY --link --chown=worker top.txt /x\n",
        context=_TREE,
        fails="--link cannot look the name 'worker' of --chown up",
    ),
)

_PARENTS = (
    Case(
        name="parents-of-a-file",
        dockerfile="""\
FROM busybox
COPY --parents src/deep/b.go /x
WORKDIR /test
COPY --parents ./src/deep/b* top.txt .//
""",
        reference="""\
FROM busybox
COPY src/deep /x/src/deep/
RUN rm -r /x/src/deep/er /x/src/deep/b_test.go && chmod 775 /x/src/deep
WORKDIR /test
COPY src/deep src/deep/
RUN rm -r src/deep/er && chmod 775 src/deep
COPY top.txt .
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-with-two-stars",
        dockerfile="""\
FROM busybox
COPY --parents src/**/*_test.go /x/
COPY --parents **/b.go *.txt /y/
""",
        reference="""\
FROM busybox
COPY src /x/src
RUN cd /x/src && rm -r vendor empty link deep/er a.go deep/b.go
COPY src/deep /y/src/deep
RUN cd /y/src/deep && rm -r er b_test.go && chmod 775 .
COPY top.txt /y/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-of-a-folder",
        dockerfile="""\
FROM busybox
COPY --parents src/deep/ src/empty src/link /x/
""",
        reference="""\
FROM busybox
COPY src /x/src/
RUN cd /x/src && rm -r vendor a.go a_test.go
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-pivot",
        dockerfile="""\
FROM busybox
COPY --parents src/./deep/er /one/
COPY --parents src/deep/./er/./c.go /two/
COPY --parents src/*/./*.go /three/
COPY --parents /src/deep/./ /four/
""",
        reference="""\
FROM busybox
COPY src/deep /one/deep/
COPY src/deep /two/deep/
RUN chmod 775 /one/deep && rm /one/deep/*.go /two/deep/*.go && mv /two/deep/er /two/er && rmdir /two/deep
COPY src/deep/*.go src/vendor/v.go src/link/c.go /three/
COPY src/deep /four/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-onto-folders-that-are-there",
        dockerfile="""\
FROM busybox
RUN mkdir -p /x/src/deep && chmod 700 /x/src /x/src/deep && chown 7:7 /x /x/src /x/src/deep
COPY --parents src/deep/b.go /x/
""",
        reference="""\
FROM busybox
RUN mkdir -p /x/src/deep && chmod 775 /x/src/deep && chown 7:7 /x /x/src /x/src/deep
COPY src/deep/b.go /x/src/deep/
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-from-a-stage-with-owners",
        dockerfile="""\
FROM busybox AS build
RUN mkdir -p /a/b/c && touch /a/b/c/f && chown 5:6 /a/b && chown 7:8 /a/b/c/f && chmod 711 /a/b
FROM busybox
COPY --from=build --parents /a/b/c/f /kept/
COPY --from=build --parents --chown=9:9 --chmod=0700 /a/b/c /given/
""",
        reference="""\
FROM busybox AS build
RUN mkdir -p /a/b/c && touch /a/b/c/f && chown 5:6 /a/b && chown 7:8 /a/b/c/f && chmod 711 /a/b
FROM busybox
COPY --from=build /a /kept/a/
COPY --from=build --chown=9:9 --chmod=0700 /a /given/a/
RUN chmod 0700 /given/a && chown 0:0 /kept/a
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="parents-of-what-is-not-there",
        dockerfile="FROM busybox\nCOPY --parents src/nothing /x/\n",
        context=_TREE,
        fails='"/src/nothing" is not in the build context',
    ),
    Case(
        name="parents-and-excludes",
        dockerfile="""\
FROM busybox
COPY --parents --exclude=src/vendor --exclude=**/*_test.go src /x/
""",
        reference="""\
FROM busybox
COPY src /x/src/
RUN cd /x/src && rm -r vendor a_test.go deep/b_test.go
""",
        context=_TREE,
        excused=_OLDER,
    ),
)

_EXCLUDE = (
    Case(
        name="exclude-counts-from-the-source",
        dockerfile="""\
FROM busybox
COPY --exclude=*_test.go --exclude=vendor/ src /x
""",
        reference="""\
FROM busybox
COPY src /x
RUN cd /x && rm -r a_test.go vendor
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="exclude-with-two-stars-and-exceptions",
        dockerfile="""\
FROM busybox
COPY --exclude=**/*.go --exclude=!src/*/keep/*.go --exclude=Dockerfile . /x/
COPY --exclude=vendor --exclude=!vendor/keep --exclude=deep src /y/
""",
        reference="""\
FROM busybox
COPY . /x/
RUN cd /x && rm -r Dockerfile src/*.go src/vendor/*.go src/deep/*.go src/deep/er/c.go
COPY src /y
RUN cd /y && rm -r deep vendor/v.go
""",
        context=_TREE,
        excused=_OLDER,
    ),
    Case(
        name="exclude-what-a-wildcard-finds",
        dockerfile="""\
FROM busybox
COPY --exclude=*.txt --exclude=s* * /x/
""",
        reference="""\
FROM busybox
COPY top.md .dockerignore /x/
""",
        context={**_TREE, ".dockerignore": "Dockerfile"},
        excused=_OLDER,
    ),
    Case(
        name="exclude-keeps-hard-links-of-the-rest",
        dockerfile="""\
FROM busybox
COPY --exclude=a d /x/
""",
        reference="""\
FROM busybox
COPY d /x/
RUN rm /x/a
""",
        context={"d/a": "1", "d/b": Hard("d/a"), "d/c": Hard("d/a")},
        excused=_OLDER,
    ),
    Case(
        name="exclude-of-add",
        dockerfile="""\
FROM busybox
ADD --exclude=deep --exclude=*.go --exclude=vendor src top.txt /x/
""",
        reference="""\
FROM busybox
COPY src/empty /x/empty/
COPY top.txt /x/
RUN ln -s deep/er /x/link && chmod 777 /x/empty
""",
        context=_TREE,
        excused=_OLDER,
    ),
)

_CHMOD = (
    Case(
        name="chmod-in-letters",
        dockerfile="""\
FROM busybox
COPY --chmod=u=rwX,go=rX d /one
COPY --chmod=go-rwx d /two
COPY --chmod=a+X,o= d/plain d/program /three/
COPY --chmod=g=u,+t d/plain /four
COPY --chmod=u+s,g+s,a-w d/program /five
""",
        reference="""\
FROM busybox
RUN mkdir -p /one /two /three
COPY --chmod=644 d/plain /one/
COPY --chmod=755 d/program /one/
COPY --chmod=755 d/sub /one/sub/
COPY --chmod=644 d/sub/f /one/sub/
COPY --chmod=600 d/plain /two/
COPY --chmod=700 d/program /two/
COPY --chmod=700 d/sub /two/sub/
COPY --chmod=600 d/sub/f /two/sub/
COPY --chmod=640 d/plain /three/
COPY --chmod=710 d/program /three/
COPY d/plain /four
COPY d/program /five
RUN chmod 755 /one/sub && chmod 700 /two/sub && chmod 1660 /four && chmod 6510 /five
""",
        context={
            "d/plain": File("p", 0o640),
            "d/program": File("#!", 0o710),
            "d/sub": Folder(0o750),
            "d/sub/f": File("f", 0o600),
        },
        excused=_OLDER,
    ),
    Case(
        name="chmod-by-variable",
        dockerfile="""\
FROM busybox
ARG MODE=0604
ENV LETTERS=o+w
COPY --chmod=$MODE top.txt /a
COPY --chmod=${LETTERS},u-w top.txt /b
""",
        reference="""\
FROM busybox
ARG MODE=0604
ENV LETTERS=o+w
COPY --chmod=604 top.txt /a
COPY --chmod=446 top.txt /b
""",
        context=_TREE,
        excused=_OLDER,
    ),
)

CASES = (*_LINK, *_PARENTS, *_EXCLUDE, *_CHMOD)
