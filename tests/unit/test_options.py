"""Values of options as docker writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_builder import options
from ci_builder.errors import InvalidValue, UsageError
from ci_builder.request import Annotation, OutputSpec, ResourceLimit, SecretSpec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=oci,dest=a.tar", OutputSpec("oci", "a.tar")),
        ("dest=x,type=local", OutputSpec("local", "x")),
        ("folder", OutputSpec("local", "folder")),
        ("-", OutputSpec("tar", "-")),
        (
            'type=image,"name=a,b",push=true',
            OutputSpec("image", "", (("name", "a,b"), ("push", "true"))),
        ),
    ],
)
def test_output(text: str, expected: OutputSpec) -> None:
    assert options.output(text) == expected


@pytest.mark.parametrize("text", ["dest=x", "type=", "type=oci,broken", 'type=oci,"dest=x'])
def test_wrong_output(text: str) -> None:
    with pytest.raises(UsageError, match="output"):
        options.output(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=a,src=b", SecretSpec("a", source=Path("b"))),
        ("type=file,id=a,source=b", SecretSpec("a", source=Path("b"))),
        ("id=a,env=SET", SecretSpec("a", value="v")),
        ("id=a,type=env,src=SET", SecretSpec("a", value="v")),
        ("id=SET", SecretSpec("SET", value="v")),
        ("id=SET,type=env", SecretSpec("SET", value="v")),
        ("id=SET,type=file", SecretSpec("SET", source=Path("SET"))),
        ("id=a", SecretSpec("a", source=Path("a"))),
    ],
)
def test_secret(text: str, expected: SecretSpec) -> None:
    assert options.secret(text, {"SET": "v"}) == expected


@pytest.mark.parametrize("text", ["src=b", "id=a,env=UNSET", "id=a,what=x", "id=a,type=x", "a"])
def test_wrong_secret(text: str) -> None:
    with pytest.raises(UsageError, match="secret"):
        options.secret(text, {"SET": "v"})


def test_build_argument() -> None:
    assert options.build_argument("A=b=c", {}) == ("A", "b=c")
    assert options.build_argument("A=", {}) == ("A", "")
    assert options.build_argument("A", {"A": "x"}) == ("A", "x")
    assert options.build_argument("A", {}) is None
    for text in ("", " ", "=x", "A=\udcff"):
        with pytest.raises(UsageError, match="build-arg"):
            options.build_argument(text, {})


def test_label_and_ssh() -> None:
    assert options.label("a") == ("a", "")
    assert options.label("a=b=c") == ("a", "b=c")
    assert options.ssh("default") == ("default", "")
    assert options.ssh("key=/x") == ("key", "/x")
    with pytest.raises(UsageError):
        options.ssh("=x")


def test_a_wrong_pair_does_not_show_its_value() -> None:
    with pytest.raises(UsageError) as caught:
        options.pair("=s3cret", "secrets")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("True", True), ("1", True), ("FALSE", False), ("", False)])
def test_boolean(text: str, expected: bool) -> None:
    assert options.boolean(text, "x") is expected


def test_wrong_boolean() -> None:
    with pytest.raises(UsageError, match="x is true or false"):
        options.boolean("maybe", "x")


def test_annotations() -> None:
    def of(text: str) -> tuple[Annotation, ...]:
        return options.annotation(text, "--annotation")

    assert of("manifest:a.b=c=d") == (Annotation("a.b", "c=d"),)
    assert of("a:b=c") == (Annotation("a:b", "c"),)
    assert of("A=b") == (Annotation("A", "b"),)
    assert of("index,manifest-descriptor:a=b") == (
        Annotation("a", "b", "index"),
        Annotation("a", "b", "manifest-descriptor"),
    )
    assert of("manifest[linux/amd64]:a=b") == (Annotation("a", "b", "manifest", "linux/amd64"),)
    with pytest.raises(UsageError, match="key=value"):
        of("manifest:a")


def test_the_key_of_an_annotation_keeps_its_case() -> None:
    spec = options.output("type=oci,dest=x,Annotation-Manifest.org.X=y,COMPRESSION=zstd")
    assert spec.attributes == (("annotation-manifest.org.X", "y"), ("compression", "zstd"))


def test_nothing_is_given_twice() -> None:
    with pytest.raises(UsageError, match="compression is given twice"):
        options.output("type=oci,dest=x,compression=zstd,Compression=gzip")


@pytest.mark.parametrize(
    ("text", "expected"), [("336h", 1_209_600), ("1.5s", 2), ("1ms", 1), ("0", 0), (" 2m ", 120)]
)
def test_seconds(text: str, expected: int) -> None:
    # A time that is not nothing never becomes 0, which is for ever.
    assert options.seconds(text, "ttl") == expected


@pytest.mark.parametrize("text", ["", "2", "-1s", "2 weeks"])
def test_wrong_seconds(text: str) -> None:
    with pytest.raises(UsageError, match="ttl: "):
        options.seconds(text, "ttl")


@pytest.mark.parametrize("text", ["", "a", "r.example.com:5000/team/cache"])
def test_repository(text: str) -> None:
    assert options.repository(f" {text} ", "cache") == text


@pytest.mark.parametrize("text", ["a:1", "r.example.com:5000/a:1", "a@sha256:" + "0" * 64, "r.example.com/A"])
def test_wrong_repository(text: str) -> None:
    with pytest.raises((UsageError, InvalidValue)):
        options.repository(text, "cache")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nofile=1024", ResourceLimit("nofile", 1024, 1024)),
        ("nproc=10:20", ResourceLimit("nproc", 10, 20)),
        ("core=-1", ResourceLimit("core", -1, -1)),
        ("stack=8192:-1", ResourceLimit("stack", 8192, -1)),
    ],
)
def test_ulimit(text: str, expected: ResourceLimit) -> None:
    assert options.ulimit(text, "--ulimit") == expected


@pytest.mark.parametrize(
    "text",
    [
        "nofile",
        "nofile=",
        "nofile=a",
        "nofile=1:",
        "nofile=2:1",
        "nofile=-1:1",
        "nofile=-2",
        "as=1",
        "locks=1",
    ],
)
def test_wrong_ulimit(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--ulimit"):
        options.ulimit(text, "--ulimit")


def test_time_limits_and_networks() -> None:
    assert [options.time_limit(text, "t") for text in ("", "0", "1h30m", "500ms")] == [0, 0, 5400, 0.5]
    assert [options.network(text, "n") for text in ("", "none", "host")] == ["default", "none", "host"]
    for text in ("5", "-1s", "soon"):
        with pytest.raises(UsageError, match=r"^--run-timeout: "):
            options.time_limit(text, "--run-timeout")
    with pytest.raises(UsageError, match=r"^--network: unknown network 'bridge'"):
        options.network("bridge", "--network")
