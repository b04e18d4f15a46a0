"""Stored runs of one key as numbers: their logarithms, and where they last changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.stats.change_points import change_points
from pytest_perfmon.stats.cusum import FEWEST_VALUES, SHORTEST_SEGMENT
from pytest_perfmon.stats.permutation import PERMUTATIONS, PermutationTest
from pytest_perfmon.stats.prediction import sample_variance

WINDOW: Final = 30
"""So many of the newest stored runs are looked at, of each operation."""

_LEAST_NS: Final = 0.5  # below the clock's last digit; a scripted or coarse clock can show 0
_CONFIRMED: Final = 0.01  # noise has a change in one window of a hundred, which costs runs
_NO_CHANGE: Final = (2.15, 1 / 50)  # sd, and sd a run: hardly a largest CUSUM below has such a p


def log_ns(ns: float) -> float:
    """Give the natural logarithm of a time; of half a nanosecond for what is below it."""
    return math.log(max(ns, _LEAST_NS))


def log_figures(values: Sequence[StoredValue]) -> list[float]:
    """Give the log medians, as `log_ns` does."""
    return [math.log(max(value.median, _LEAST_NS)) for value in values]


def log_readings(values: Sequence[StoredValue]) -> list[float] | None:
    """Give the control's log readings; None where it was not read beside every value."""
    if any(value.control_ns <= 0 for value in values):
        return None
    return [math.log(value.control_ns) for value in values]


def last_change(logs: Sequence[float]) -> int:
    """Give the index of the first log figure after the last confirmed change; 0 without one.

    Confirmed is stricter than shown: a wrong cut leaves few runs, chosen for being alike.
    """
    if len(logs) < FEWEST_VALUES or not (_may_have_changed(logs) and _has_a_step(logs)):
        return 0
    confirmed = [one.position for one in change_points(logs) if one.p <= _CONFIRMED]
    return confirmed[-1] if confirmed else 0


def _may_have_changed(logs: Sequence[float]) -> bool:
    """Say whether the largest standardised CUSUM is worth a test, which takes some milliseconds."""
    n, mean, total, largest = len(logs), fmean(logs), 0.0, 0.0
    for k, value in enumerate(logs, start=1):
        total += value - mean
        if SHORTEST_SEGMENT <= k <= n - SHORTEST_SEGMENT:
            largest = max(largest, total * total * n / (k * (n - k)))
    least = _NO_CHANGE[0] + _NO_CHANGE[1] * n
    return largest > least * least * sample_variance(logs)


def _has_a_step(logs: Sequence[float]) -> bool:
    """Say whether the whole has a confirmed step; all changes are looked for only where it has."""
    test = PermutationTest(logs)
    test.run(PERMUTATIONS, math.ceil(_CONFIRMED * (PERMUTATIONS + 1)))
    return test.p <= _CONFIRMED
