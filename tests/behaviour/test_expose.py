"""EXPOSE: ports in the configuration, on every executor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.behaviour.workbench import Image, Refusal, Refuse, agree
from tests.conformance.case import Case

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="expose",
        dockerfile="""\
FROM busybox AS below
EXPOSE 22
FROM below
ENV port=99 several="100 101/udp"
EXPOSE 80 443/tcp 53/udp $port 7000-7001 9/SCTP
EXPOSE 80
EXPOSE $several
EXPOSE 127.0.0.1:8080:81
RUN touch /ran
COPY Dockerfile /
""",
    )


def test_the_configuration(image: Image) -> None:
    names = "100/tcp 101/udp 22/tcp 443/tcp 53/udp 7000/tcp 7001/tcp 80/tcp 81/tcp 9/sctp 99/tcp"
    assert image.config["ExposedPorts"] == {name: {} for name in names.split()}


def test_the_history_has_no_layer(image: Image) -> None:
    assert image.said("EXPOSE") == [
        ("EXPOSE map[22/tcp:{}]", False),
        (
            "EXPOSE map[443/tcp:{} 53/udp:{} 7000/tcp:{} 7001/tcp:{} 80/tcp:{} 9/sctp:{} 99/tcp:{}]",
            False,
        ),
        ("EXPOSE map[80/tcp:{}]", False),
        ("EXPOSE map[100/tcp:{} 101/udp:{}]", False),
        ("EXPOSE map[81/tcp:{}]", False),
    ]


def test_what_is_dropped_is_said(image: Image) -> None:
    assert "Dockerfile:8: ExposeInvalidFormat" in image.text
    assert "Dockerfile:5: ExposeProtoCasing" in image.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("EXPOSE 70000", "invalid port '70000'"),
        ("EXPOSE http", "invalid port 'http'"),
        ("EXPOSE -1", "invalid port '-1'"),
        ("EXPOSE 90-80", "the range of ports '90-80' goes backwards"),
        ("EXPOSE 80/quic", "invalid protocol 'quic' of port '80/quic'; it is tcp, udp or sctp"),
        ("EXPOSE x:80:90", "'x' does not appear to be an IPv4 or IPv6 address"),
        ("EXPOSE 1-2:80-82", "the ranges of '1-2:80-82' differ in length"),
        ("EXPOSE --publish=1 80", "unknown flag --publish for EXPOSE"),
        ('EXPOSE ["80"]', "invalid port '[80]'"),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message)
