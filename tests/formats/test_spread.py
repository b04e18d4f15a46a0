"""The spread that a stored run still tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.run_strategies import summaries
from storage.stored_runs import make_summary

from pytest_perfmon.formats.spread import Spread, spread_of
from pytest_perfmon.model.measurement import Measurement
from pytest_perfmon.stats.summary import summary_of

EVEN = Spread(1000, ((100.0, 0.0), (200.0, 1.0)))
STEPS = Spread(100, ((100.0, 0.0), (100.0, 0.5), (300.0, 0.5), (300.0, 1.0)))


def test_values_lie_evenly_between_two_points():
    """Shares, quantiles and the deviation are those of the uniform distribution."""
    assert [EVEN.within(0, ns) for ns in (99, 100, 125, 200, 999)] == [0, 0, 0.25, 1, 1]
    assert EVEN.within(125, 175) == 0.5
    assert [EVEN.quantile(p) for p in (0, 0.25, 1)] == [100, 125, 200]
    assert EVEN.deviation == pytest.approx(100 / 12**0.5, rel=1e-3)


def test_equal_values_are_a_step():
    """Half at 100 and half at 300: no value between, and half the distance as deviation."""
    assert [STEPS.within(0, ns) for ns in (99, 100, 200, 300)] == [0, 0.5, 0.5, 1]
    assert [STEPS.within(ns, 999) for ns in (100, 101, 300, 301)] == [1, 0.5, 0.5, 0]
    assert (STEPS.quantile(0.25), STEPS.quantile(0.75)) == (100, 300)
    assert STEPS.deviation == pytest.approx(100 * (100 / 99) ** 0.5)


def test_without_a_distribution_nothing_is_known():
    """A summary that was imported from means has no spread."""
    assert spread_of(replace(make_summary(), distribution=())) is None


def test_the_first_bin_begins_at_zero():
    """Means of rounds can be below a nanosecond; such values lie evenly in the first bin."""
    tenths = [*range(1, 10)] * 4 + [1000] * 54
    spread = spread_of(summary_of(Measurement("op", tenths, calls_per_value=10)))
    assert spread is not None
    assert spread.within(0, 0.5) == pytest.approx(0.2, abs=0.05)


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_shares_are_near_those_of_the_values(values):
    """At every value, the share is right to what a bin's width to either side holds."""
    spread = spread_of(summary_of(Measurement("op", values)))
    assert spread is not None
    for value in values:
        low = sum(other < value / 1.05 for other in values) / len(values)
        high = sum(other <= max(value * 1.05, 1) for other in values) / len(values)
        slack = 1 / len(values) + 1e-9  # a quantile may lie a value off
        assert low - slack <= spread.within(0, value) <= high + slack


@given(summaries)
def test_points_ascend_whatever_a_record_holds(summary):
    """Also where figures and distribution contradict each other, nothing is out of order."""
    spread = spread_of(summary)
    if spread is not None:
        for (ns, share), (later, more) in pairwise(spread.points):
            assert ns <= later
            assert share <= more
        assert spread.deviation >= 0
        assert spread.quantile(0.25) <= spread.quantile(0.75)
