"""ARG, its scopes, expansion, escapes and ONBUILD."""

from __future__ import annotations

from tests.conformance.case import Case


def _value(name: str, word: str, *, fails: str = "") -> Case:
    return Case(
        name=f"expansion-{name}",
        dockerfile=f"FROM busybox\nENV set=value empty=\nLABEL l={word}\nRUN true\n",
        fails=fails,
    )


CASES = (
    Case(
        name="arg-default",
        dockerfile="""\
FROM busybox
ARG a=1
RUN echo $a > /x
""",
    ),
    Case(
        name="arg-and-env-of-the-stage-before",
        dockerfile="""\
FROM busybox AS base
ENV v=env w=env
ARG v=arg
ARG x=arg
FROM base
RUN echo $v $w $x > /x
LABEL v=$v x=$x
""",
        options=("--build-arg=w=cli",),
    ),
    Case(
        name="arg-given",
        dockerfile="""\
FROM busybox
ARG a=1
RUN echo $a > /x
""",
        options=("--build-arg=a=2",),
    ),
    Case(
        name="arg-without-value",
        dockerfile="""\
FROM busybox
ARG a
RUN echo "<${a-unset}>" > /x
""",
    ),
    Case(
        name="arg-given-empty",
        dockerfile="""\
FROM busybox
ARG a=1
RUN echo "<$a>" > /x
""",
        options=("--build-arg=a=",),
    ),
    Case(
        name="arg-before-from",
        dockerfile="""\
ARG base=busybox
ARG other=1
FROM ${base} AS s
RUN echo "<$base$other>" > /x
ARG other
RUN echo $other > /y
""",
    ),
    Case(
        name="arg-before-from-given",
        dockerfile="""\
ARG base=nothing
ARG v=1
FROM $base
ARG v
RUN echo $v > /x
""",
        options=("--build-arg=base=busybox", "--build-arg=v=2"),
    ),
    Case(
        name="arg-default-from-another",
        dockerfile="""\
FROM busybox
ARG a=1
ARG b=${a}2
RUN echo $b > /x
""",
    ),
    Case(
        name="arg-does-not-cross-stages",
        dockerfile="""\
FROM busybox AS a
ARG v=1
FROM busybox
RUN echo "<$v>" > /x
""",
    ),
    Case(
        name="arg-and-env-last-wins",
        dockerfile="""\
FROM busybox
ARG a=1
ENV a=2
RUN echo $a > /x
ARG a=3
RUN echo $a > /y
""",
    ),
    Case(
        name="arg-env-from-arg",
        dockerfile="""\
FROM busybox
ARG v=1
ENV a=$v
RUN echo $a > /x
""",
        options=("--build-arg=v=5",),
    ),
    Case(
        name="arg-several-on-a-line",
        dockerfile="""\
FROM busybox
ARG a=1 b=2 c
RUN echo $a $b $c > /x
""",
    ),
    Case(
        name="arg-history",
        dockerfile="""\
FROM busybox
ARG a=1
ARG b
RUN echo x > /x
ENV c=$a
COPY f /$a
""",
        context={"f": "f"},
        options=("--build-arg=b=a value",),
    ),
    Case(
        name="arg-predefined-proxy",
        dockerfile="""\
FROM busybox
RUN env | grep -i proxy | sort > /x
""",
        options=("--build-arg=HTTP_PROXY=http://127.0.0.1:9", "--build-arg=no_proxy=127.0.0.1"),
    ),
    Case(
        name="arg-predefined-platform",
        dockerfile="""\
FROM busybox
ARG TARGETPLATFORM
ARG TARGETARCH
ARG BUILDOS
RUN echo $TARGETPLATFORM $TARGETARCH $BUILDOS > /x
""",
    ),
    _value("plain", "$set"),
    _value("braces", "${set}x"),
    _value("default", "${unset:-d}-${empty:-d}-${set:-d}"),
    _value("alternative", "${unset:+a}-${empty:+a}-${set:+a}"),
    _value("nested", "${unset:-${set}}"),
    _value("unset-is-empty", "a${unset}b"),
    _value("escaped", "\\$set-\\${set}"),
    _value("single-quotes", "'$set'"),
    _value("double-quotes", '"$set ${set}"'),
    _value("mixed-quotes", "'a'\"$set\"b"),
    _value("dot-ends-a-name", "$set.x-$set/y"),
    _value("bad-braces", "${set", fails="set"),
    Case(
        name="escape-directive",
        dockerfile="""\
# escape=`
FROM busybox
ENV a=C:\\dir b=`$x
RUN echo one `
  two > /x
""",
    ),
    Case(
        name="onbuild-in-the-image",
        dockerfile="""\
FROM busybox
ONBUILD RUN echo x > /x
ONBUILD COPY . /src
ONBUILD ENV a=1
""",
    ),
    Case(
        name="onbuild-runs-in-a-stage-from-it",
        dockerfile="""\
FROM busybox AS base
ONBUILD RUN echo triggered > /x
ONBUILD COPY f /f
ONBUILD USER worker
FROM base
ENV b=2
RUN (id -u; id -g; id -G | xargs -n1 | sort -u) > /tmp/i
""",
        context={"f": "f"},
    ),
    Case(
        name="onbuild-of-onbuild",
        dockerfile="""\
FROM busybox
ONBUILD ONBUILD RUN true
""",
        fails="ONBUILD",
    ),
    Case(
        name="unknown-instruction",
        dockerfile="""\
FROM busybox
RUM true
""",
        fails="RUM",
    ),
    Case(name="no-from", dockerfile="RUN true\n", fails="FROM"),
    Case(
        name="empty-dockerfile",
        dockerfile="""\

# nothing
""",
        fails="there is no instruction",
    ),
    Case(
        name="unknown-flag",
        dockerfile="""\
FROM busybox
COPY --nothing=1 a b
""",
        fails="nothing",
    ),
)
