"""The histogram against plain sorted lists."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.monitor.histogram import LogHistogram, bin_middle_ns, quantile_of_bins

PROMISE = 0.011

durations = st.one_of(st.integers(0, 200), st.integers(0, 10**6), st.integers(0, 2**62))
shares = st.floats(0, 1)


def filled(values):
    """Give a histogram of those values."""
    histogram = LogHistogram()
    histogram.add(values)
    return histogram


def slow_quantile(values, q):
    """Give the quantile by sorting."""
    ascending = sorted(values)
    position = q * (len(ascending) - 1)
    below = int(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (position - below) * (ascending[above] - ascending[below])


@given(st.lists(durations, min_size=1, max_size=400), shares)
def test_a_quantile_is_within_the_promise(values, q):
    """Every quantile of any durations is within 1.1 % of the one of the sorted list."""
    truth = slow_quantile(values, q)
    assert abs(quantile_of_bins(filled(values).durations().bins, q) - truth) <= PROMISE * truth


@given(durations)
def test_a_bin_stands_for_what_is_in_it(value):
    """A bin's middle is within 0.8 % of each value in it, and exact below 128 ns."""
    ((number, count),) = filled([value]).durations().bins
    assert count == 1
    assert abs(bin_middle_ns(number) - value) <= (0 if value < 128 else 0.0079 * value)


@given(st.lists(st.lists(durations, min_size=1), min_size=1, max_size=5))
def test_nothing_depends_on_how_values_were_grouped(batches):
    """Counts and extremes are the same however the values came, and no value is missed."""
    together = filled([value for batch in batches for value in batch])
    apart = LogHistogram()
    for batch in batches:
        apart.add(batch)
    assert apart.durations().bins == together.durations().bins
    assert sum(count for _, count in apart.durations().bins) == sum(len(batch) for batch in batches)
    assert (apart.min_ns, apart.max_ns) == (together.min_ns, together.max_ns)
    assert together.min_ns == min(min(batch) for batch in batches)
    assert together.max_ns == max(max(batch) for batch in batches)


@given(st.lists(durations, min_size=1), st.lists(durations, min_size=1))
def test_adding_a_histogram_is_adding_its_values(mine, theirs):
    """Two processes' histograms add up to the one of all their values."""
    other = filled(theirs)
    merged = filled(mine)
    merged.merge(other.durations())
    together = filled(mine + theirs)
    assert merged.durations().bins == together.durations().bins
    assert (merged.min_ns, merged.max_ns) == (together.min_ns, together.max_ns)


def test_bins_follow_each_other_without_gaps_or_overlap():
    """Consecutive bins cover consecutive values: numbers only ever grow by one."""
    numbers = [filled([value]).durations().bins.numbers[0] for value in range(5000)]
    assert numbers[:128] == list(range(128))
    assert {after - before for before, after in pairwise(numbers)} == {0, 1}


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 2**40 - 1, 2**40, 2**62])
def test_powers_of_two_are_no_edge_for_the_promise(value):
    """The first and last value of an octave come back within the promise."""
    assert quantile_of_bins(filled([value]).durations().bins, 0.5) == pytest.approx(
        value, rel=PROMISE
    )
