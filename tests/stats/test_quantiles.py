"""Quantiles and their intervals, against definitions and exact fractions."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.quantiles import (
    calls_needed,
    interval_ranks,
    quantile,
    quantile_interval,
)

VALUES = st.lists(st.integers(0, 10**9), min_size=1, max_size=60).map(sorted)
SHARES = st.floats(0, 1)


def slow_quantile(ordered: list[int], p: float) -> float:
    """Interpolate between Hyndman and Fan's plotting positions (k - 1/3)/(n + 1/3)."""
    n = len(ordered)
    at = [(k - 1 / 3) / (n + 1 / 3) for k in range(1, n + 1)]
    if p <= at[0]:
        return ordered[0]
    for k in range(1, n):
        if p <= at[k]:
            share = (p - at[k - 1]) / (at[k] - at[k - 1])
            return ordered[k - 1] + share * (ordered[k] - ordered[k - 1])
    return ordered[-1]


def slow_ranks(n: int, p: Fraction, tail: Fraction) -> tuple[int, int] | None:
    """Add up exact binomial chances until a tail is full, from either end."""
    mass = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    lower = max((r for r in range(1, n + 1) if sum(mass[:r]) <= tail), default=None)
    upper = min((r for r in range(1, n + 1) if sum(mass[r:]) <= tail), default=None)
    return (lower, upper) if lower and upper else None


@given(VALUES, SHARES)
def test_quantile_agrees_with_its_definition(ordered, p):
    """The position formula and interpolation between plotting positions give one number."""
    assert quantile(ordered, p) == pytest.approx(slow_quantile(ordered, p), rel=1e-9, abs=1e-3)


@given(VALUES, SHARES)
def test_quantile_agrees_with_numpy(ordered, p):
    """The estimate is what numpy calls median_unbiased."""
    expected = np.quantile(ordered, p, method="median_unbiased")
    assert quantile(ordered, p) == pytest.approx(expected, rel=1e-9, abs=1e-3)


def test_quantile_of_ten_is_worked_by_hand():
    """The p90 of 1 to 10 lies at position (10 + 1/3) 0.9 + 1/3 = 9.6333."""
    assert quantile(range(1, 11), 0.9) == pytest.approx(9.6333, abs=1e-4)
    assert quantile(range(1, 11), 0.5) == 5.5


@given(VALUES, SHARES, st.integers(1, 1000), st.integers(0, 10**6))
def test_quantile_follows_shift_and_scale(ordered, p, factor, shift):
    """Measuring in another unit or from another zero changes the figure in the same way."""
    moved = [factor * value + shift for value in ordered]
    assert quantile(moved, p) == pytest.approx(factor * quantile(ordered, p) + shift, rel=1e-12)


@given(VALUES, SHARES, SHARES)
def test_quantiles_are_ordered(ordered, p, q):
    """A higher quantile is never below a lower one, and none leaves the range of the values."""
    low, high = sorted((p, q))
    assert ordered[0] <= quantile(ordered, low) <= quantile(ordered, high) <= ordered[-1]


@given(st.integers(0, 40), st.sampled_from([(1, 2), (1, 10), (9, 10), (19, 20)]))
def test_ranks_agree_with_exact_fractions(n, share):
    """Ranks are those of exact binomial sums."""
    p = Fraction(*share)
    expected = slow_ranks(n, p, Fraction(1, 40))
    assert interval_ranks(n, float(p)) == expected


@pytest.mark.parametrize(("p", "fewest"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_fewest_calls_are_exactly_those(p, fewest):
    """An interval exists from `calls_needed` values on and with none fewer."""
    assert calls_needed(p) == fewest
    assert interval_ranks(fewest - 1, p) is None
    assert quantile_interval(range(fewest - 1), p) is None
    assert quantile_interval(range(fewest), p) is not None


def test_low_quantiles_mirror_high_ones():
    """The 5 % quantile needs as many calls as the p95, at mirrored ranks."""
    assert calls_needed(0.05) == calls_needed(0.95)
    low, high = interval_ranks(200, 0.95)
    assert interval_ranks(200, 0.05) == (201 - high, 201 - low)


def test_large_samples_have_normal_ranks():
    """With 200,000 values the ranks are the normal approximation's, within two."""
    low, high = interval_ranks(200_000, 0.95)
    spread = 1.959964 * math.sqrt(200_000 * 0.95 * 0.05)
    assert low == pytest.approx(190_000 - spread, abs=2)
    assert high == pytest.approx(190_000 + spread, abs=2)


@given(st.integers(36, 400), st.sampled_from([0.5, 0.9]), st.sampled_from([0.8, 0.9]))
def test_more_confidence_is_never_narrower(n, p, confidence):
    """An interval at 95 % holds the one at less confidence, and both hold the estimate."""
    ordered = [math.exp(i / 10) for i in range(n)]
    low, high = quantile_interval(ordered, p)
    inner_low, inner_high = quantile_interval(ordered, p, confidence)
    assert low <= inner_low <= quantile(ordered, p) <= inner_high <= high


def test_interval_holds_the_true_quantile_in_95_of_100_samples():
    """Over 2,000 seeded samples of 100 the true p95 is inside in 95 % or more."""
    rng = random.Random(20)
    inside = 0
    for _ in range(2000):
        low, high = quantile_interval(sorted(rng.random() for _ in range(100)), 0.95)
        inside += low <= 0.95 <= high
    assert 0.95 <= inside / 2000 <= 0.99


def test_impossible_arguments_are_named():
    """No values, and shares outside the scale, are errors that show what was asked."""
    with pytest.raises(ValueError, match=r"quantile of 0 values at p = 0\.5"):
        quantile([], 0.5)
    with pytest.raises(ValueError, match=r"p = 1\.5: expected"):
        quantile([1.0], 1.5)
    with pytest.raises(ValueError, match=r"p is 1: expected"):
        calls_needed(1)
    assert interval_ranks(100, 1.0) is None
