"""What a measurement is asked for: how long, how often, until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_VALUES: Final = 100_000

Decided = Callable[[Sequence[float]], bool]
"""Is told the new values of every slice, nanoseconds per call; says whether all is decided."""

Tick = Callable[[int, int], None]
"""Is told, between slices, how many values there are and how many nanoseconds have passed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When to warm up and when to stop.

    Attributes:
        rounds: exactly so many values, whatever the time and whatever is decided; 1 means that
            the body runs once and no more, so without a warm-up.
        min_rounds: so many values before a decision may end the measurement.
        max_time_ns: no call starts when so much time has passed since the warm-up, but for the
            first one. It is stronger than `min_rounds`.
        warmup_ns: how long to warm up; 0 is one call; None ends the warm-up by itself, after a
            tenth of `max_time_ns` at the latest.

    Without a fixed number, a measurement also ends at 100,000 values.
    """

    rounds: int | None = None
    min_rounds: int = 20
    max_time_ns: int = 1_000_000_000
    warmup_ns: int | None = None
