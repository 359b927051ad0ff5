"""What the words of ``build`` ask for, and which of them are refused before anything is fetched."""

from __future__ import annotations

import io

import pytest

from ci_builder.cli.build import add_parser, request_of
from ci_builder.cli.invocation import Invocation
from ci_builder.cli.parser import Parser
from ci_builder.errors import UsageError
from ci_builder.request import Request


def asked(*words: str) -> Request:
    parser = Parser(prog="ci-builder")
    add_parser(parser.add_subparsers())
    invocation = Invocation("ci-builder", {}, io.BytesIO(), io.BytesIO(), io.StringIO())
    return request_of(parser.parse_args(["build", *words]), invocation)


@pytest.mark.parametrize("name", ["push", "no-cache", "pull"])
def test_switches_as_dockers_command_line_has_them(name: str) -> None:
    field = name.replace("-", "_")
    assert getattr(asked("."), field) is False
    for word in ("", "=true", "=1", "=t", "=T", "=TRUE", "=True"):
        request = asked(f"--{name}{word}", ".")
        assert (getattr(request, field), request.context) == (True, ".")
    for word in ("=false", "=0", "=f", "=F", "=FALSE", "=False"):
        assert getattr(asked(f"--{name}", f"--{name}{word}", "."), field) is False
    for word in ("=yes", "=", "=tRUE", "=always"):
        with pytest.raises(UsageError, match=f"--{name} is true or false"):
            asked(f"--{name}{word}", ".")


def test_a_switch_takes_no_word_after_it() -> None:
    request = asked("-t", "r.example/a", "--push", "false")
    assert (request.push, request.context) == (True, "false")
    assert asked("--pull", "--", "--push").context == "--push"


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_context_is_not_the_working_directory(text: str) -> None:
    with pytest.raises(UsageError, match="the CONTEXT is empty"):
        asked(text)


@pytest.mark.parametrize("name", ["foo", ""])
def test_an_isolation_that_is_not_there(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked("--isolation", name, ".")
    assert caught.value.hint == "one of auto, none, namespace, in-place, ptrace, chroot"
    assert asked("--isolation", "chroot", ".").isolation == "chroot"
