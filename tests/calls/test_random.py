"""Random sequences of operations, as root and as others: every answer, the files and the layer are those of
a real root. The same sequences in every run; what fails is made shorter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.calls.conftest import Judge
from tests.calls.operations import operations, script

pytestmark = [pytest.mark.root]
_TRIES = 60  # for making a failure shorter
_SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_sequences(judge: Judge) -> None:
    # In namespaces roots are mounted without devices; supervised, an open device is the machine's own.
    @_SETTINGS
    @given(operations(devices=False))
    def examine(chosen: list[str]) -> None:
        if judge(script(chosen)):
            least = _shortened(chosen, lambda part: bool(judge(script(part))))
            text = script(least)
            pytest.fail("\n".join([*judge(text), "", text]), pytrace=False)

    examine()


def _shortened(chosen: list[str], fails: Callable[[list[str]], bool]) -> list[str]:
    """Without the operations that the failure does not need, as far as few tries tell."""
    tries = 0
    size = len(chosen) // 2
    while size and tries < _TRIES:
        start = 0
        while start < len(chosen) and tries < _TRIES:
            part = chosen[:start] + chosen[start + size :]
            tries += 1
            if fails(part):
                chosen = part
            else:
                start += size
        size //= 2
    return chosen
