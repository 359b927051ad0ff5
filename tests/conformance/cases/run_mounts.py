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
