"""Secrets never reach the log, in whatever pieces they come."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ci_builder.cli.masking import MASK, MaskedProgress, Secrets, login_secrets, url_secrets
from ci_builder.cli.perform import secrets_of
from ci_builder.progress import Event, Notice, StepFinished, StepOutput, StepStarted, Transferred
from ci_builder.request import Login, Request


def shown(secrets: Secrets, pieces: Sequence[bytes], step: str = "a") -> bytes:
    events: list[Event] = []
    progress = MaskedProgress(secrets, events.append)
    for piece in pieces:
        progress(StepOutput(step, piece))
    progress(StepFinished(step, "done", 0.0))
    return b"".join(event.data for event in events if isinstance(event, StepOutput))


def test_every_event_is_masked() -> None:
    events: list[Event] = []
    progress = MaskedProgress(Secrets.of(["hunter2"]), events.append)
    progress(StepStarted("1", "RUN echo hunter2"))
    progress(StepOutput("1", b"say hunter2\n"))
    progress(StepFinished("1", "failed", 0.0, "hunter2"))
    progress(Transferred("https://hunter2@host", "pushed", 1))
    progress(Notice("info", "hunter2"))
    assert len(events) == 5
    assert "hunter2" not in repr(events)
    assert repr(events).count(MASK) == 5


def test_what_a_config_json_holds_is_masked(tmp_path: Path) -> None:
    pair = base64.b64encode(b"ci:s3cret:with:colons").decode()
    auths = {"a.example": {"auth": pair}, "b.example": {"auth": pair, "identitytoken": "token-of-b"}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    secrets = secrets_of(Request(), {"DOCKER_CONFIG": str(tmp_path)})
    assert secrets.hide(f"cat: {pair} s3cret:with:colons token-of-b") == f"cat: {MASK} {MASK} {MASK}"
    (tmp_path / "config.json").write_text("{")
    assert secrets_of(Request(), {"DOCKER_CONFIG": str(tmp_path)}) == Secrets()


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_a_secret_in_three_pieces(noise: bytes, first: int, second: int) -> None:
    secret = b"correct horse battery"
    data = noise + secret + noise + secret
    one, two = sorted((min(first, len(data)), min(second, len(data))))
    out = shown(Secrets.of([secret.decode()]), [data[:one], data[one:two], data[two:]])
    assert secret not in out
    assert out == data.replace(secret, MASK.encode())


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_output_without_secrets_is_unchanged(pieces: list[bytes]) -> None:
    assert shown(Secrets.of(["\x00\x01never\x02"]), pieces) == b"".join(pieces)


def test_the_beginning_of_a_secret_is_not_lost_at_the_end() -> None:
    assert shown(Secrets.of(["password"]), [b"pass"]) == b"pass"


def test_steps_do_not_mix() -> None:
    events: list[Event] = []
    progress = MaskedProgress(Secrets.of(["secret"]), events.append)
    progress(StepOutput("a", b"sec"))
    progress(StepOutput("b", b"ret\n"))
    progress(StepOutput("a", b"ret\n"))
    data = [(event.step, event.data) for event in events if isinstance(event, StepOutput)]
    assert data == [("b", b"ret\n"), ("a", b"***\n")]


def test_one_secret_inside_another_leaves_no_rest() -> None:
    assert Secrets.of(["abc", "abcdef"]).hide("xabcdefx") == "x***x"


def test_lines_of_a_key_and_forms_of_a_password() -> None:
    secrets = Secrets.of(["-----BEGIN\nMIIEow\n-----END\n", "p w/d"])
    assert secrets.hide("MIIEow") == MASK
    assert secrets.hide("p%20w%2Fd") == MASK
    assert secrets.hide("p w/d") == MASK


def test_very_short_ones_blot_nothing_out() -> None:
    assert Secrets.of(["a", "", "  ", "\n"]).hide("banana") == "banana"


def test_what_a_login_hides() -> None:
    login = Login("r.example", "user", "pass", "refresh", "bearer")
    texts = login_secrets([login])
    assert {"pass", "refresh", "bearer", base64.b64encode(b"user:pass").decode()} == set(texts)
    assert "pass" not in repr(Secrets.of(texts))


def test_passwords_in_urls() -> None:
    found = url_secrets(
        ["https://bot:t0ken@git.example/x.git#main", "https://t0p@git.example/", "https://git.example"]
    )
    assert found == ["t0ken", "t0p"]
