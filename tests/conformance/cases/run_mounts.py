"""RUN --mount: what a command sees, and that nothing of it stays."""

from __future__ import annotations

from tests.conformance.case import Case, Content, File, Symlink

_CONTEXT: dict[str, Content] = {
    "a/one": "1\n",
    "a/two": File("2\n", 0o604, (7, 8)),
    "b": "b\n",
    "a/link": Symlink("one"),
}
_STUB = "newer BuildKit removes what was only made to mount on; docker 20.10 leaves it"


def _stubs(*paths: str) -> dict[str, str]:
    return {f"{path}: only in docker": _STUB for path in paths}


_LIST = "find /m -exec stat -c '%n %a %u:%g %F' {} + | sort > /list"

CASES = (
    Case(
        name="mount-bind-of-the-context",
        dockerfile=f"FROM busybox\nRUN --mount=type=bind,target=/m {_LIST}; cat /m/a/* /m/b > /content\n",
        context=_CONTEXT,
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-is-the-default",
        dockerfile="FROM busybox\nRUN --mount=target=/m,source=a cat /m/one > /content\n",
        context=_CONTEXT,
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-of-a-file",
        dockerfile="FROM busybox\nRUN --mount=source=a/one,target=/deep/er/f cat /deep/er/f > /content\n",
        context=_CONTEXT,
        excused=_stubs("/deep", "/deep/er"),
    ),
    Case(
        name="mount-over-etc",
        dockerfile="""\
FROM busybox
RUN --mount=type=tmpfs,target=/etc touch /etc/x && echo empty > /one
RUN --mount=type=cache,target=/etc touch /etc/y && echo cache > /two
RUN --mount=from=busybox,source=/bin,target=/etc test -e /etc/busybox && echo bind > /three
""",
    ),
    Case(
        name="mount-bind-over-a-file-of-the-base",
        dockerfile="FROM busybox\nRUN --mount=source=a/one,target=/etc/passwd cat /etc/passwd > /content\n",
        context=_CONTEXT,
    ),
    Case(
        name="mount-bind-respects-dockerignore",
        dockerfile=f"FROM busybox\nRUN --mount=target=/m {_LIST}\n",
        context=_CONTEXT | {".dockerignore": "a/one\nDockerfile\n.dockerignore\n"},
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-cannot-be-written",
        dockerfile="FROM busybox\nRUN --mount=target=/m,source=a touch /m/new 2>/dev/null || echo no > /r\n",
        context=_CONTEXT,
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-rw-is-thrown-away",
        dockerfile="""\
FROM busybox
RUN --mount=target=/m,source=a,rw echo new > /m/new && echo more >> /m/one && cat /m/one /m/new > /content
RUN --mount=target=/m,source=a ls /m > /names; cat /m/one > /content2
""",
        context=_CONTEXT,
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-from-a-stage",
        dockerfile="""\
FROM busybox AS maker
RUN mkdir -p /out/deep && cd /out/deep && echo made > file && chown 12:34 file && chmod 4750 file
FROM busybox
RUN --mount=from=maker,source=/out,target=/m stat -c '%n %a %u:%g' /m /m/deep /m/deep/file > /list
""",
        excused=_stubs("/m"),
    ),
    Case(
        name="mount-bind-from-a-stage-runs-programs",
        dockerfile="""\
FROM busybox AS maker
RUN mkdir /tools && cp /bin/busybox /tools/sh
FROM busybox
RUN --mount=from=maker,source=/tools,target=/tools /tools/sh -c 'echo run' > /said
""",
        excused=_stubs("/tools"),
    ),
    Case(
        name="mount-bind-missing-source",
        dockerfile="FROM busybox\nRUN --mount=source=not-there,target=/m true\n",
        context=_CONTEXT,
        fails="not-there",
    ),
    Case(
        name="mount-relative-target",
        dockerfile="FROM busybox\nWORKDIR /work\nRUN --mount=source=a,target=here ls /work/here > /names\n",
        context=_CONTEXT,
        excused=_stubs("/work/here"),
    ),
    Case(
        name="mount-values-are-expanded",
        dockerfile="""\
FROM busybox
ARG WHAT=a
ENV WHERE=/m
RUN --mount=source=$WHAT,target=${WHERE}/x ls /m/x > /names
""",
        context=_CONTEXT,
        lenient="docker 20.10 does not expand source; newer BuildKit does",
    ),
    Case(
        name="mount-over-a-folder-of-the-base",
        dockerfile="""\
FROM busybox
RUN mkdir -p /old/inside && echo old > /old/inside/file
RUN --mount=source=a,target=/old ls /old > /names
RUN ls -R /old > /after
""",
        context=_CONTEXT,
    ),
    Case(
        name="mount-through-a-link",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /alias
RUN --mount=source=a,target=/alias/x ls /real/x > /names
""",
        context=_CONTEXT,
        excused=_stubs("/real/x"),
    ),
    Case(
        name="mount-tmpfs",
        dockerfile="""\
FROM busybox
RUN --mount=type=tmpfs,target=/t echo x > /t/x && cat /t/x > /content && stat -c %a /t > /mode
""",
        excused=_stubs("/t"),
    ),
    Case(
        name="mount-tmpfs-hides-the-base",
        dockerfile="""\
FROM busybox
RUN mkdir /t && echo old > /t/old
RUN --mount=type=tmpfs,target=/t ls /t > /names; echo new > /t/new
""",
    ),
    Case(
        name="mount-hides-all-that-is-beneath",
        dockerfile="""\
FROM busybox
RUN mkdir -p /w/d/e /away && echo under > /w/f && echo deep > /w/d/g && ln -s /away /w/out && echo a > /away/a
RUN ln -s /w /alias && ln -s w/d/g /to-g && cp /bin/busybox /w/true
RUN --mount=type=tmpfs,target=/w exec 2>/names; \\
    cat /w/f; cat /w/d/g; cat /alias/f; cat /to-g; cat /w/out/a; cat /w/d/../../away/a; ls /w/true; \\
    cd /w && cat f d/g ../w/f; cd / && cat w/f w/d/g; cd /away && cat ../w/f; \\
    test -e /w/d/e || echo none >&2; /w/true; \\
    echo new > /w/f; mkdir /w/d && echo new > /w/d/g; cat /w/f /w/d/g /alias/f /to-g > /content; \\
    rm -rf /w/d /w/f; mkdir /w/new; mv /w/new /w/other
RUN cat /w/f /w/d/g /alias/f /to-g /w/out/a > /after; ls -R /w >> /after
""",
    ),
    Case(
        name="mount-shows-its-own-file-of-the-same-name",
        dockerfile="""\
FROM busybox
COPY old /app/
RUN mkdir /app/only-here && ln -s /app/sub/package.json /link
RUN --mount=source=new,target=/app cd /app/sub && cat package.json /link ../sub/package.json \\
    /app/sub/package.json > /content; ls -R /app > /names
RUN cat /app/sub/package.json /link > /after; ls -R /app >> /after
""",
        context={"old/sub/package.json": "old\n", "new/sub/package.json": "new\n"},
    ),
    Case(
        name="mount-inside-a-mount-over-a-folder-with-content",
        dockerfile="""\
FROM busybox
RUN mkdir -p /t/in/side/deep && echo old | tee /t/in/old /t/in/side/old > /t/in/side/deep/old
RUN --mount=type=tmpfs,target=/t --mount=source=a,target=/t/in/side find /t | sort > /names; \\
    cat /t/in/old /t/in/side/old /t/in/side/deep/old 2>/dev/null || echo none >> /names; \\
    cat /t/in/side/one >> /names; cd /t/in/side && cat ../../../names > /names2; cd .. && ls >> /names2
RUN find /t | sort > /after
""",
        context=_CONTEXT,
    ),
    Case(
        name="mount-has-a-border-for-links-and-renames",
        dockerfile="""\
FROM busybox
RUN mkdir -p /w/inside && echo image > /w/inside/i && mkdir /beside && echo beside > /beside/b
RUN --mount=type=tmpfs,target=/w/inside echo mount > /w/inside/m; \\
    ln /w/inside/m /linked || echo refused >> /list; ln /beside/b /w/inside/b || echo refused >> /list; \\
    mv /w/inside/m /moved; cat /moved >> /list; mv /beside/b /w/inside/c; cat /w/inside/c >> /list; \\
    ln /w/inside/c /w/inside/d && stat -c %h /w/inside/d >> /list
RUN cat /w/inside/i > /after
""",
    ),
    Case(
        name="mount-cannot-be-moved",
        dockerfile="""\
FROM busybox
RUN mkdir -p /w/inside && echo image > /w/inside/i
RUN --mount=type=tmpfs,target=/w/inside mv /w/inside /elsewhere || echo busy >> /list; \\
    rmdir /w/inside || echo busy >> /list
RUN cat /w/inside/i > /after
""",
    ),
    Case(
        name="mount-inside-a-later-mount",
        dockerfile="""\
FROM busybox
RUN mkdir -p /t/in && echo old > /t/in/old
RUN --mount=source=a,target=/t/in --mount=type=tmpfs,target=/t find /t | sort > /names
RUN find /t | sort > /after
""",
        context=_CONTEXT,
    ),
    Case(
        name="mount-inside-a-mount",
        dockerfile="""\
FROM busybox
RUN --mount=type=tmpfs,target=/t --mount=source=a,target=/t/in/side ls /t/in/side > /names
""",
        context=_CONTEXT,
        excused=_stubs("/t"),
    ),
    Case(
        name="mount-cache-is-kept-for-the-next",
        dockerfile="""\
FROM busybox
RUN --mount=type=cache,target=/c,id=kept-for-the-next cd /c; echo kept > file; chown 5:6 file; chmod 640 file
RUN --mount=type=cache,target=/other,id=kept-for-the-next stat -c '%a %u:%g' /other/file > /list
RUN ls / > /names
""",
        excused=_stubs("/c", "/other") | {"/names: ": _STUB},
    ),
    Case(
        name="mount-cache-of-a-user",
        dockerfile="""\
FROM busybox
USER 1234
RUN --mount=type=cache,target=/c,id=of-a-user,uid=1234,gid=77,mode=0711 stat -c '%a %u:%g' /c > /tmp/list; \
    echo x > /c/x && cat /c/x > /tmp/x
""",
        excused=_stubs("/c"),
    ),
    Case(
        name="mount-cache-from-a-stage",
        dockerfile="""\
FROM busybox AS maker
RUN mkdir /seed && echo seed > /seed/file
FROM busybox
RUN --mount=type=cache,target=/c,id=from-a-stage,from=maker,source=/seed cat /c/file > /content
""",
        excused=_stubs("/c"),
    ),
    Case(
        name="mount-cache-keeps-the-owner-of-its-source",
        dockerfile="""\
FROM busybox AS maker
RUN mkdir -m 750 /seed && echo seed > /seed/file && chown -R 1234:77 /seed
FROM busybox
RUN --mount=type=cache,target=/c,id=owner-of-its-source,from=maker,source=/seed,mode=0700 \\
    stat -c '%n %a %u:%g' /c /c/file > /list
""",
        excused=_stubs("/c"),
    ),
    Case(
        name="mount-caches-of-two-users-are-two",
        dockerfile="""\
FROM busybox
RUN --mount=type=cache,target=/c,id=of-two-users echo roots > /c/file
USER 1234
RUN --mount=type=cache,target=/c,id=of-two-users,uid=1234 ls /c > /tmp/names; touch /c/mine && \\
    stat -c '%a %u:%g' /c > /tmp/list
RUN --mount=type=cache,target=/c,id=of-two-users,mode=0700,uid=1234 ls /c > /tmp/names2; touch /c/w
USER root
RUN --mount=type=cache,target=/c,id=of-two-users ls /c > /names
""",
        excused=_stubs("/c"),
    ),
    Case(
        name="mount-leaves-times-of-folders",
        dockerfile="""\
FROM busybox
RUN mkdir /d && touch -d '2001-02-03 04:05:06' /d
RUN --mount=type=cache,target=/d/c,id=leaves-times true
RUN stat -c %Y /d > /time
""",
        excused=_stubs("/d/c") | {"/time: ": _STUB},
    ),
    Case(
        name="mount-and-changes-beside-it",
        dockerfile="""\
FROM busybox
RUN mkdir /d
RUN --mount=source=a,target=/d/m cp /d/m/one /d/copy
""",
        context=_CONTEXT,
        excused=_stubs("/d/m"),
    ),
    Case(
        name="mount-unknown-type",
        dockerfile="FROM busybox\nRUN --mount=type=nfs,target=/m true\n",
        fails="unknown type 'nfs'",
    ),
    Case(
        name="mount-unknown-key",
        dockerfile="FROM busybox\nRUN --mount=type=bind,taget=/m true\n",
        fails="did you mean",
    ),
    Case(
        name="mount-without-target",
        dockerfile="FROM busybox\nRUN --mount=type=cache true\n",
        fails="needs a target",
    ),
    Case(
        name="mount-secret-that-is-not-required",
        dockerfile="""\
FROM busybox
RUN --mount=type=secret,id=nobody-gave-it test ! -e /run/secrets/nobody-gave-it && ls -d /run > /list; true
""",
    ),
    Case(
        name="mount-secret-that-is-required",
        dockerfile="FROM busybox\nRUN --mount=type=secret,id=nobody-gave-it,required true\n",
        fails="nobody-gave-it",
    ),
)
