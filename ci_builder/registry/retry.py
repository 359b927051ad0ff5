"""How often and when a failed request is tried again (RFC 9110 section 10.2.3 for Retry-After)."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from datetime import timezone

from ci_builder.errors import RegistryError
from ci_builder.untrusted import number
from ci_builder.values import dataclass

#: A Retry-After beyond this many seconds is an answer for people, not something to wait for in a job.
LONGEST_WAIT = 120.0
_FIRST = 0.5
_LONGEST_BACK_OFF = 30.0
_TRIES_UNCONNECTED = 2


@dataclass(frozen=True, slots=True)
class Retry:
    """``retries`` tries after the first one, ``after_silence``: also where no answer came in time. ``sleep``
    takes seconds, ``uniform`` is random.uniform, ``now`` the wall clock in seconds since the epoch. What a
    registry may ask to wait before the next try is ``longest`` seconds at most; ``whole`` is how many a
    manifest may take until all of it is there (as many as usual, if those are fewer)."""

    retries: int
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    now: Callable[[], float] = time.time
    after_silence: bool = True
    longest: float = LONGEST_WAIT
    whole: float = math.inf

    def delay(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after try number ``attempt`` (from 0): exponential with jitter, but never less
        than the server ``asked`` for."""
        bound = min(_LONGEST_BACK_OFF, _FIRST * 2**attempt)
        delay = self.uniform(bound / 2, bound)
        return delay if asked is None else max(delay / 4 + asked, asked)

    def again(self, error: RegistryError, attempt: int, asked: float | None) -> bool:
        """Whether to try once more after ``error`` at try number ``attempt`` (from 0)."""
        if not error.temporary or (asked is not None and asked > self.longest):
            return False
        if error.code == "TIMEOUT" and not self.after_silence:
            return False
        # Nothing listens there: a service that is just starting, or a wrong name. Not worth half a minute.
        unconnected = error.code == "REFUSED"
        return attempt < (min(self.retries, _TRIES_UNCONNECTED) if unconnected else self.retries)

    def asked(self, header: str) -> float | None:
        """The seconds that a Retry-After header asks for, None when there is none that can be read."""
        text = header.strip()
        seconds = number(text)
        if seconds is not None:
            return float(seconds)
        from email.utils import parsedate_to_datetime  # here: dates are rare

        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - self.now())
