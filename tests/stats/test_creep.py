"""Creep: the trend test against plain loops, and its error rates."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.creep import _variance, creep


@given(values=st.lists(st.integers(0, 50), min_size=10, max_size=25))
def test_slope_and_score_are_their_definitions(values):
    """The ratio is that of the median slope of all pairs, and its sign that of the score."""
    slopes = [
        (values[j] - values[i]) / (j - i) for i, j in itertools.combinations(range(len(values)), 2)
    ]
    found = creep([value / 100 for value in values])
    assert math.log(found.ratio) == pytest.approx(median(slopes) / 100 * (len(values) - 1))
    assert 0 <= found.p <= 1


@given(values=st.lists(st.integers(0, 5), min_size=3, max_size=12))
def test_ties_are_counted(values):
    """The variance is Kendall's with its correction for equal values."""
    n = len(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    slow = (n * (n - 1) * (2 * n + 5) - ties) / 18
    assert _variance(np.array(values, dtype=float)) == pytest.approx(slow)


@given(
    values=st.lists(st.integers(0, 1000), min_size=10, max_size=20),
    shift=st.integers(-100, 100),
)
def test_units_and_direction_do_not_matter(values, shift):
    """A shift changes nothing, and backwards the ratio is the reciprocal."""
    logs = [value / 1000 for value in values]
    plain, moved, back = creep(logs), creep([one + shift for one in logs]), creep(logs[::-1])
    assert moved.ratio == pytest.approx(plain.ratio)
    assert moved.p == pytest.approx(plain.p)
    assert back.ratio == pytest.approx(1 / plain.ratio)
    assert back.p == pytest.approx(plain.p)


def test_a_trend_is_found_and_short_series_are_not_looked_at():
    """Half a percent a run is found over sixty runs of 2 % noise; nine runs say nothing."""
    rng = random.Random(1)
    logs = [0.005 * run + rng.gauss(0, 0.02) for run in range(60)]
    found = creep(logs)
    assert found.p < 1e-6
    assert found.ratio == pytest.approx(math.exp(0.005 * 59), rel=0.05)
    assert creep(logs[:9]) is None


def test_equal_values_do_not_creep():
    """A figure that never moves has p = 1."""
    assert creep([1.0] * 20).p == 1.0


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.02), (0.3, 0.03)])
def test_noise_rarely_creeps(rho, most):
    """At 1 %, noise creeps in at most 2 % of series, and 3 % of those with a memory of 0.3."""
    rng = np.random.default_rng(21)
    wrong = 0
    for _ in range(500):
        values = rng.normal(size=40)
        for index in range(1, 40):
            values[index] += rho * values[index - 1]
        wrong += creep(values.tolist()).p <= 0.01
    assert wrong / 500 <= most
