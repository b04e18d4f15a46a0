"""Fine histograms cut into few buckets: sums exact, bounds kept within 0.8 %."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.buckets import GENERAL_BOUNDS_S, REQUEST_BOUNDS_S, Buckets
from pytest_perfmon.monitor.histogram import LogHistogram

VALUES = st.lists(st.integers(0, 10**12), max_size=50)
BOUNDS = st.sampled_from([GENERAL_BOUNDS_S, REQUEST_BOUNDS_S, (1e-9,), (1e-7, 1.0, 1e9)])


def bins_of(values_ns):
    """Give the bins of a histogram of those values."""
    histogram = LogHistogram()
    if values_ns:
        histogram.add(values_ns)
    return histogram.durations().bins


@given(values=VALUES, bounds=BOUNDS)
def test_each_call_is_on_its_side_of_a_bound_unless_within_a_bin_of_it(values, bounds):
    """What is 0.8 % below a bound is counted below it, what is 0.8 % above is not."""
    below = Buckets(bounds).cumulative(bins_of(values))
    for bound, count in zip(bounds, below, strict=False):
        surely = sum(value <= bound * 1e9 / 1.008 for value in values)
        perhaps = sum(value <= bound * 1e9 * 1.008 for value in values)
        assert surely <= count <= perhaps


@given(values=VALUES, bounds=BOUNDS)
def test_every_call_is_in_exactly_one_bucket(values, bounds):
    """Buckets add up to all calls, and the cumulative ones end with them."""
    buckets, bins = Buckets(bounds), bins_of(values)
    apart = buckets.apart(bins)
    assert len(apart) == len(bounds) + 1
    assert min(apart) >= 0
    assert sum(apart) == buckets.cumulative(bins)[-1] == len(values)


def test_a_bound_belongs_to_its_bucket():
    """Where bins are exact, a call of just the bound's length is within it."""
    assert Buckets((100e-9,)).apart(bins_of([99, 100, 101])) == [2, 1]


@pytest.mark.parametrize(
    "bounds", [(), (0.0, 1.0), (-1.0,), (1.0, 1.0), (2.0, 1.0), (1.0, math.inf), (math.nan,)]
)
def test_bounds_that_are_none_are_refused(bounds):
    """Bounds ascend, are finite and above zero."""
    with pytest.raises(UsageError, match="expected ascending seconds above zero"):
        Buckets(bounds)
