"""WORKDIR, USER and the instructions that only write the configuration."""

from __future__ import annotations

from tests.conformance.case import Case

CASES = (
    Case(
        name="workdir-relative",
        dockerfile="""\
FROM busybox
WORKDIR a
WORKDIR b/../c
WORKDIR ./d/
RUN pwd > /w
""",
    ),
    Case(
        name="workdir-root-and-existing",
        dockerfile="""\
FROM busybox
WORKDIR /
WORKDIR /etc
WORKDIR /home/worker
""",
    ),
    Case(
        name="workdir-with-variables",
        dockerfile="""\
FROM busybox
ENV A=/a B=b
WORKDIR $A/${B}/${C:-c}
""",
    ),
    Case(
        name="workdir-after-user",
        dockerfile="""\
FROM busybox
USER worker
WORKDIR /one/two
RUN id -u > /tmp/u
""",
    ),
    Case(
        name="workdir-after-users-that-are-not-there",
        dockerfile="""\
FROM busybox
USER nosuch
WORKDIR /one
USER nosuch:staff
WORKDIR /two
USER 1000:nosuch
WORKDIR /three
USER worker:nosuch
WORKDIR /four
""",
    ),
    Case(
        name="workdir-after-user-and-group",
        dockerfile="""\
FROM busybox
USER worker:staff
WORKDIR /one
""",
    ),
    Case(
        name="workdir-after-numeric-user",
        dockerfile="""\
FROM busybox
USER 4000:5000
WORKDIR /one/two
""",
    ),
    Case(
        name="workdir-through-a-symlink",
        dockerfile="""\
FROM busybox
RUN mkdir /real && ln -s /real /link
WORKDIR /link/sub
RUN pwd > /tmp/p; touch x
""",
    ),
    Case(
        name="workdir-is-a-file",
        dockerfile="""\
FROM busybox
WORKDIR /etc/motd
RUN true
""",
        fails="motd",
    ),
    Case(
        name="workdir-with-spaces",
        dockerfile="""\
FROM busybox
WORKDIR /a b
RUN touch x
""",
    ),
    Case(
        name="user-forms",
        dockerfile="""\
FROM busybox
USER worker
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/1
USER 1001
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/2
USER worker:daemon
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/3
USER 5:6
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/4
USER other:100
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/5
USER root
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/6
""",
    ),
    Case(
        name="user-root-without-a-passwd-file",
        dockerfile="""\
FROM busybox AS tools
FROM scratch
COPY --from=tools /bin /bin
USER root:root
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /o
USER root:0
WORKDIR /w
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > o
""",
        excused={"/etc: only in docker": "newer BuildKit removes what was only made to mount on"},
    ),
    Case(
        name="user-number-without-entry",
        dockerfile="""\
FROM busybox
USER 4321
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/i; echo $HOME >> /tmp/i
""",
    ),
    Case(
        name="user-with-variable",
        dockerfile="""\
FROM busybox
ARG who=worker
USER ${who}
RUN id -un > /tmp/i
""",
    ),
    Case(
        name="user-unknown",
        dockerfile="""\
FROM busybox
USER nobodyhere
RUN true
""",
        fails="nobodyhere",
    ),
    Case(
        name="user-unknown-without-run",
        dockerfile="""\
FROM busybox
USER nobodyhere
""",
    ),
    Case(
        name="user-cannot-write",
        dockerfile="""\
FROM busybox
USER worker
RUN touch /x
""",
        fails="1",
    ),
    Case(
        name="env-forms",
        dockerfile="""\
FROM busybox
ENV a=1 b="two words" c=three\\ words d='$a' e="$a"
ENV f the rest
""",
    ),
    Case(
        name="env-sees-values-from-before",
        dockerfile="""\
FROM busybox
ENV a=old
ENV a=new b=$a
RUN echo $a $b > /x
""",
    ),
    Case(
        name="env-overrides-in-place",
        dockerfile="""\
FROM busybox
ENV a=1 b=2
ENV a=3
ENV PATH=$PATH:/opt/bin
""",
    ),
    Case(
        name="label-forms",
        dockerfile="""\
FROM busybox
LABEL a=1 "b c"="d e" e=f\\
g
LABEL multi="one \\
two"
LABEL x y z
LABEL a=2
""",
    ),
    Case(
        name="label-by-option",
        dockerfile="""\
FROM busybox
LABEL a=1
""",
        options=("--label=a=2", "--label=b=3"),
    ),
    Case(
        name="expose-forms",
        dockerfile="""\
FROM busybox
ENV P=99
EXPOSE 80 443/tcp 53/udp $P 7000-7002
EXPOSE 80
""",
    ),
    Case(
        name="stopsignal",
        dockerfile="""\
FROM busybox
ENV S=SIGINT
STOPSIGNAL $S
""",
    ),
    Case(
        name="stopsignal-number",
        dockerfile="""\
FROM busybox
STOPSIGNAL 9
""",
    ),
    Case(
        name="healthcheck",
        dockerfile="""\
FROM busybox
HEALTHCHECK --interval=1m30s --timeout=5s --start-period=10s --retries=2 CMD wget -q x || exit 1
""",
    ),
    Case(
        name="healthcheck-exec",
        dockerfile="""\
FROM busybox
HEALTHCHECK CMD ["true", "a"]
""",
    ),
    Case(
        name="healthcheck-none",
        dockerfile="""\
FROM busybox AS a
HEALTHCHECK CMD true
FROM a
HEALTHCHECK NONE
""",
    ),
    Case(
        name="cmd-shell-form",
        dockerfile="""\
FROM busybox
CMD echo $HOME
""",
    ),
    Case(
        name="cmd-exec-form",
        dockerfile="""\
FROM busybox
CMD ["echo", "$HOME"]
""",
    ),
    Case(
        name="cmd-broken-json-is-shell-form",
        dockerfile="""\
FROM busybox
CMD ['echo', 'x']
""",
    ),
    Case(
        name="cmd-twice",
        dockerfile="""\
FROM busybox
CMD ["a"]
CMD ["b"]
""",
    ),
    Case(
        name="entrypoint-resets-inherited-cmd",
        dockerfile="""\
FROM busybox
ENTRYPOINT ["/bin/echo"]
""",
    ),
    Case(
        name="entrypoint-after-own-cmd",
        dockerfile="""\
FROM busybox
CMD ["x"]
ENTRYPOINT ["/bin/echo"]
""",
    ),
    Case(
        name="entrypoint-shell-form",
        dockerfile="""\
FROM busybox
ENTRYPOINT exec top -b
CMD x
""",
    ),
    Case(
        name="entrypoint-empty",
        dockerfile="""\
FROM busybox
ENTRYPOINT []
CMD []
""",
    ),
    Case(
        name="entrypoint-in-a-later-stage",
        dockerfile="""\
FROM busybox AS a
CMD ["one"]
FROM a
ENTRYPOINT ["/bin/echo"]
""",
    ),
    Case(
        name="maintainer",
        dockerfile="""\
FROM busybox
MAINTAINER Some One <one@example.com>
ENV a=1
""",
    ),
    Case(
        name="volume-forms",
        dockerfile="""\
FROM busybox
VOLUME /a /b
VOLUME ["/c d", "/e"]
ENV v=/f
VOLUME $v
""",
    ),
    Case(
        name="volume-then-change",
        dockerfile="""\
FROM busybox
VOLUME /data
RUN mkdir -p /data && echo x > /data/x
COPY a /data/a
""",
        context={"a": "a"},
    ),
    Case(
        name="shell-changes-cmd",
        dockerfile="""\
FROM busybox
SHELL ["/bin/sh", "-x", "-c"]
CMD a
ENTRYPOINT b
""",
    ),
    Case(name="nothing-but-from", dockerfile="FROM busybox\n"),
    Case(
        name="lower-case-instructions",
        dockerfile="""\
from busybox as a
run echo x > /x
env a=1
cmd ["x"]
""",
    ),
)
