"""The interval of a mean, against a slow twin and by simulated coverage."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.mean import VALUES_NEEDED, mean_interval

VALUES = st.lists(st.integers(0, 10**9), min_size=VALUES_NEEDED, max_size=150)


def slow_interval(values: list[int], t: float) -> tuple[float, float]:
    """Walk over the values one by one, opening a batch wherever its share of the run begins."""
    batches = int(math.sqrt(len(values)))
    filled: list[list[int]] = [[] for _ in range(batches)]
    for index, value in enumerate(values):
        number = next(b for b in reversed(range(batches)) if index >= b * len(values) // batches)
        filled[number].append(value)
    half = t * statistics.stdev(map(statistics.mean, filled)) / math.sqrt(batches)
    centre = sum(values) / len(values)
    return centre - half, centre + half


@given(st.lists(st.integers(0, 10**9), min_size=16, max_size=24))
def test_interval_agrees_with_the_slow_one(values):
    """Four batches with the table's t of 3 degrees of freedom give the same interval."""
    assert mean_interval(values) == pytest.approx(
        slow_interval(values, 3.182446305284263), rel=1e-9, abs=1e-3
    )


def test_too_few_values_give_none():
    """Below sixteen values there is no interval, never a made-up one."""
    assert VALUES_NEEDED == 16
    assert mean_interval(range(15)) is None
    assert mean_interval(range(16)) is not None


@given(VALUES, st.integers(1, 1000), st.integers(0, 10**6))
def test_interval_follows_shift_and_scale(values, factor, shift):
    """Measuring in another unit or from another zero changes both ends in the same way."""
    moved = mean_interval([factor * value + shift for value in values])
    expected = [factor * end + shift for end in mean_interval(values)]
    assert moved == pytest.approx(expected, rel=1e-9, abs=1e-2)


@given(VALUES)
def test_order_backwards_gives_the_same_centre(values):
    """The centre is the plain mean of all values, whatever their order."""
    for interval in (mean_interval(values), mean_interval(values[::-1])):
        assert sum(interval) / 2 == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)


def coverage(lasting: float, runs: int = 400, calls: int = 900) -> float:
    """Share of seeded runs whose interval holds the truth; neighbours are alike by `lasting`."""
    rng = random.Random(8)
    inside = 0
    for _ in range(runs):
        state, values = rng.gauss(), []
        for _ in range(calls):
            state = lasting * state + math.sqrt(1 - lasting**2) * rng.gauss()
            values.append(100 + state)
        low, high = mean_interval(values)
        inside += low <= 100 <= high
    return inside / runs


def test_likeness_of_neighbours_does_not_fool_the_interval():
    """Independent calls are covered in 95 %, and calls correlated by 0.7 in at least 90 %.

    An interval that took each of those correlated calls for independent would cover 60 %.
    """
    assert coverage(0.0) == pytest.approx(0.95, abs=0.025)
    assert coverage(0.7) >= 0.90
