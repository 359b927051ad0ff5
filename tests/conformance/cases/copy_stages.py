"""COPY --from, stages and targets."""

from __future__ import annotations

from tests.conformance.case import Case

_BUILD = """\
FROM busybox AS build
RUN mkdir -p /out/sub && echo result > /out/result && ln -s result /out/link \\
    && ln /out/result /out/sub/hard && chown -R 1000:100 /out && chmod 4750 /out/sub/hard \\
    && mkfifo /out/pipe && chmod 2770 /out/sub
"""
_FIFO = {
    "/got/pipe: only in ours": "docker 20.10 leaves fifos out of COPY without a word, later versions do not"
}

CASES = (
    Case(
        name="from-stage-by-name",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out/result /got/\n",
    ),
    Case(
        name="from-stage-by-index",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=0 /out/result /got\n",
    ),
    Case(
        name="from-stage-name-in-other-case",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=BUILD /out/result /got\n",
    ),
    Case(
        name="from-stage-keeps-owners-modes-and-links",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out /got\n",
        excused=_FIFO,
    ),
    Case(
        name="from-stage-with-chown",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build --chown=daemon:daemon /out /got\n",
        excused=_FIFO,
    ),
    Case(
        name="from-stage-symlink-itself",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out/link /got\n",
    ),
    Case(
        name="from-stage-through-a-symlinked-folder",
        dockerfile=_BUILD + "RUN ln -s /out /short\nFROM busybox\nCOPY --from=build /short/result /got\n"
        "COPY --from=build /short/ /all/\n",
        excused={"/all/pipe: only in ours": "as for /got/pipe above"},
    ),
    Case(
        name="from-stage-wildcards",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out/res* /out/s* /got/\n",
    ),
    Case(
        name="from-stage-relative-source",
        dockerfile=_BUILD + "WORKDIR /out\nFROM busybox\nCOPY --from=build out/result /got\n",
    ),
    Case(
        name="from-image",
        dockerfile="""\
FROM scratch
COPY --from=busybox /etc/passwd /etc/group /etc/
""",
    ),
    Case(
        name="from-unknown-stage-number",
        dockerfile="""\
FROM busybox
COPY --from=7 /x /y
""",
        fails="7",
    ),
    Case(
        name="from-stage-missing-source",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out/nothing /y\n",
        fails="nothing",
    ),
    Case(
        name="dockerignore-does-not-touch-stages",
        dockerfile=_BUILD + "FROM busybox\nCOPY --from=build /out /got\n",
        context={".dockerignore": "out\n**/result\n"},
        excused=_FIFO,
    ),
    Case(
        name="stage-from-stage",
        dockerfile="""\
FROM busybox AS one
ENV A=1
WORKDIR /one
USER worker
LABEL l=1
FROM one AS two
ENV B=$A-2
RUN (id -u; id -g) > /tmp/id; pwd > /tmp/pwd; env | grep '^[AB]=' | sort > /tmp/env
""",
    ),
    Case(
        name="copy-whole-root-of-a-stage",
        dockerfile="""\
FROM busybox AS one
RUN rm -rf /usr/bin /usr/sbin /bin/busybox /lib /lib64
FROM scratch
COPY --from=one / /
""",
    ),
    Case(
        name="target-in-the-middle",
        dockerfile="""\
FROM busybox AS one
ENV A=1
FROM one AS two
ENV B=2
FROM two
RUN false
""",
        options=("--target=two",),
    ),
    Case(
        name="target-by-index",
        dockerfile="""\
FROM busybox
ENV A=1
FROM busybox
RUN false
""",
        options=("--target=0",),
        lenient="a stage's number is taken as well, as COPY --from and the classic builder take it",
    ),
    Case(
        name="target-that-is-not-there",
        dockerfile="FROM busybox AS one\n",
        options=("--target=zero",),
        fails="zero",
    ),
    Case(
        name="unused-stage-is-not-built",
        dockerfile="""\
FROM busybox AS unused
RUN false
FROM busybox
RUN echo used > /used
""",
    ),
    Case(
        name="unused-stage-with-a-missing-base",
        dockerfile="""\
FROM 127.0.0.1:1/no/such AS unused
FROM busybox
RUN echo used > /used
""",
    ),
    Case(
        name="scratch-with-a-file",
        dockerfile="""\
FROM scratch
COPY a /deep/a
CMD ["/deep/a"]
""",
        context={"a": "a"},
    ),
    Case(
        name="two-stages-of-the-same-name-last-wins",
        dockerfile="""\
FROM busybox AS x
RUN echo 1 > /v
FROM busybox AS y
RUN echo 2 > /v
FROM busybox
COPY --from=x /v /x
COPY --from=y /v /y
""",
    ),
)
