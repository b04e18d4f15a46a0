"""Summaries, against plain loops over the same values."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_perfmon.model.measurement import Measurement
from pytest_perfmon.stats.mean import mean_interval
from pytest_perfmon.stats.quantiles import quantile, quantile_interval
from pytest_perfmon.stats.summary import summary_of

VALUES = st.lists(st.integers(0, 10**10), min_size=1, max_size=120)
SHARES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@given(VALUES, st.sampled_from([1, 7, 64]))
@example([7919 * i % 5000 for i in range(400)], 1)
def test_figures_agree_with_plain_loops(values, calls_per_value):
    """Every figure is what plain Python gives on the sorted values per call."""
    summary = summary_of(Measurement("op", values, calls_per_value))
    per_call = [value / calls_per_value for value in values]
    ordered = sorted(per_call)
    assert summary.mean == pytest.approx(statistics.fmean(per_call), rel=1e-12)
    assert (summary.min, summary.max) == (ordered[0], ordered[-1])
    around = mean_interval(per_call)
    expected = {"mean": around and (max(0.0, around[0]), around[1])}
    for name, p in SHARES.items():
        assert getattr(summary, name) == quantile(ordered, p)
        expected[name] = quantile_interval(ordered, p)
    assert summary.intervals == {name: found for name, found in expected.items() if found}
    bins = Counter(math.floor(16 * math.log2(max(value, 1))) for value in per_call)
    assert summary.distribution == tuple(sorted(bins.items()))


@given(VALUES, st.randoms(use_true_random=False))
def test_order_matters_only_to_the_interval_of_the_mean(values, rng):
    """Shuffled values have the same figures; batches alone depend on the order."""
    shuffled = rng.sample(values, len(values))
    one, other = (summary_of(Measurement("op", v)) for v in (values, shuffled))
    assert one.mean == pytest.approx(other.mean, rel=1e-12)
    for name in ("min", "median", "p90", "p95", "p99", "max", "distribution"):
        assert getattr(one, name) == getattr(other, name)
    assert one.intervals.keys() == other.intervals.keys()


@given(st.lists(st.integers(0, 160), min_size=1, max_size=50))
def test_bins_hold_what_their_edges_say(exponents):
    """A value between 2**(b/16) and 2**((b+1)/16) is counted in bin b."""
    values = [round(2 ** ((160 + b + 0.5) / 16)) for b in exponents]
    summary = summary_of(Measurement("op", values))
    assert dict(summary.distribution) == Counter(160 + b for b in exponents)


@given(VALUES)
def test_every_value_is_in_the_distribution(values):
    """The counts add up to the number of values, and bins ascend without repetition."""
    bins = summary_of(Measurement("op", values)).distribution
    assert sum(count for _, count in bins) == len(values)
    assert [b for b, _ in bins] == sorted({b for b, _ in bins})


def test_what_was_measured_travels_along():
    """Rounds, calls, errors, memory, warnings and the control's median are those measured."""
    measurement = Measurement(
        "op",
        array("q", [30, 10, 20]),
        calls_per_value=10,
        rounds=3,
        errors=2,
        control_ns=(5, 9, 6),
        peak_memory=4096,
        allocations=7,
        interrupted=True,
        warnings=("noisy",),
    )
    summary = summary_of(measurement)
    assert (summary.unit, summary.rounds, summary.calls, summary.errors) == (
        "per-round mean",
        3,
        30,
        2,
    )
    assert (summary.mean, summary.min, summary.median, summary.max) == (2.0, 1.0, 2.0, 3.0)
    assert (summary.control_ns, summary.peak_memory, summary.allocations) == (6.0, 4096, 7)
    assert (summary.interrupted, summary.warnings) == (True, ("noisy",))
    assert summary_of(Measurement("op", [1])).control_ns == 0.0


def test_figures_are_plain_python_numbers():
    """No numpy number leaves: a summary is written as JSON by others."""
    summary = summary_of(Measurement("op", list(range(1000, 1400))))
    numbers = [summary.mean, summary.min, summary.median, summary.p99, summary.max]
    numbers += [end for interval in summary.intervals.values() for end in interval]
    numbers += [number for pair in summary.distribution for number in pair]
    assert {type(number) for number in numbers} == {int, float}
    assert set(summary.intervals) == {"mean", *SHARES}


def test_no_values_are_an_error():
    """Nothing measured has no figures, and the message names the operation."""
    with pytest.raises(ValueError, match="'op' has no values"):
        summary_of(Measurement("op", []))


def test_no_interval_of_a_time_goes_below_zero():
    """One call of a thousand times the others widens the mean's interval, at most to zero."""
    low, high = summary_of(Measurement("op", [100_000_000, *[100_000] * 19])).intervals["mean"]
    assert low == 0.0 < high
