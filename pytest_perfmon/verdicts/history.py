"""What became of figures over many runs: lasting changes, and steady trends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

from pytest_perfmon.stats.change_points import (
    SMALLEST_CHANGE,
    ChangePoint,
    change_points_of_all,
    highest_rejected,
    noise_sd,
)
from pytest_perfmon.stats.creep import Creep, creep
from pytest_perfmon.verdicts.stored import log_ns

CREEP_LEVEL: Final = 0.01
_LINE_NUMBERS: Final = 2  # a level and a slope; steps take a level each and a place each


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one figure; at most one of the two says something.

    Attributes:
        changes: oldest first.
        creep: a trend that a line describes better than changes do, by Schwarz's criterion.
    """

    changes: tuple[ChangePoint, ...] = ()
    creep: Creep | None = None

    @property
    def ratio(self) -> float | None:
        """The newest change, or the whole trend, as new over old; None where there is neither."""
        if self.creep is not None:
            return self.creep.ratio
        return self.changes[-1].ratio if self.changes else None

    @property
    def degraded(self) -> bool:
        """Whether the newest change, or the trend, is towards slower."""
        return (self.ratio or 0.0) > 1


def courses_of(
    series: Sequence[Sequence[float]], *, on_done: Callable[[int], object] = lambda _: None
) -> list[Course]:
    """Say what became of many figures, with one chance of a false find for all of them together.

    Where nothing changed anywhere, the chance of any change is 3.5 %, of any trend 1 %.

    Args:
        series: run-level times in nanoseconds, oldest first.
        on_done: called with the number of series done, now and then.
    """
    logs = [[log_ns(value) for value in values] for values in series]
    changes = change_points_of_all(logs, on_done=on_done)
    trends = [creep(values) for values in logs]
    bar = highest_rejected([one.p if one else 1.0 for one in trends], CREEP_LEVEL)
    return [
        Course(creep=trend)
        if trend and trend.p <= bar and _is_creep(values, found, trend)
        else Course(found)
        for values, found, trend in zip(logs, changes, trends, strict=True)
    ]


def _is_creep(logs: Sequence[float], changes: Sequence[ChangePoint], trend: Creep) -> bool:
    if abs(math.log(trend.ratio)) < max(SMALLEST_CHANGE, noise_sd(logs)):
        return False
    line = _schwarz(logs, trend.left, numbers=_LINE_NUMBERS)
    return line <= _schwarz(logs, _left_by(logs, changes), numbers=2 * len(changes) + 1)


def _schwarz(logs: Sequence[float], left: float, *, numbers: int) -> float:
    """Give Schwarz's criterion, as a mean square that grows with the numbers that were fitted."""
    return left * math.exp(numbers * math.log(len(logs)) / len(logs))


def _left_by(logs: Sequence[float], changes: Sequence[ChangePoint]) -> float:
    """Give the mean square of what levels between changes leave."""
    squares = 0.0
    for start, end in pairwise([0, *(one.position for one in changes), len(logs)]):
        level = fmean(logs[start:end])
        squares += math.fsum((value - level) ** 2 for value in logs[start:end])
    return squares / len(logs)
