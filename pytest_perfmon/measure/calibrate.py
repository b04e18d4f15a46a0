"""How many calls one timed stretch has to hold for the clock to resolve it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.batch import SLICE_NS, Batch
from pytest_perfmon.measure.clock import Clock

PRECISIONS: Final = 100
_STRETCHES: Final = 3
_MOST_CALLS: Final = 2**20


@dataclass(frozen=True, slots=True)
class Calibration:
    """The outcome.

    Attributes:
        calls_per_value: 1 where a single call is long enough, else a power of two.
        raw_ns: the stretches of the last round, which are data like those that follow.
    """

    calls_per_value: int
    raw_ns: tuple[int, ...]


def calibrate(clock: Clock, *, most: int) -> Generator[Batch, None, Calibration]:
    """Double the calls in a stretch until it lasts at least 100 times the clock's precision.

    A round is up to three stretches within one slice, and the shortest of them has to be long
    enough: an interruption lengthens one stretch, and is not to be taken for the call.

    Args:
        clock: the clock that times the stretches.
        most: at most so many stretches in a round.

    Raises:
        MeasurementError: a million calls do not move the clock that far.
    """
    enough_ns = PRECISIONS * clock.precision_ns + clock.overhead_ns
    calls = 1
    while calls <= _MOST_CALLS:
        batch = Batch(
            most=min(most, _STRETCHES),
            until_ns=clock.now_ns() + SLICE_NS,
            calls_per_value=calls,
            warming=True,
        )
        yield batch
        if min(batch.raw_ns) >= enough_ns:
            return Calibration(calls, tuple(batch.raw_ns))
        calls *= 2
    raise MeasurementError(
        f"{_MOST_CALLS:,} calls took {min(batch.raw_ns)} ns: expected at least {enough_ns} ns;"
        " a clock that stands still cannot measure"
    )
