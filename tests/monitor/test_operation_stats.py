"""The frozen figures: of one operation, of a monitor, across processes."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.stats import MonitorSummary

milliseconds = st.floats(0.001, 100_000)


def recorded(durations_ms, **options):
    """Give a monitor that was told of those durations."""
    monitor = PerformanceMonitor(**options)
    for duration in durations_ms:
        monitor.record_metric("db", duration=duration)
    return monitor


def test_all_figures_of_a_few_calls():
    """Count, mean, extremes, percentiles and rates are those of the calls, in milliseconds."""
    monitor = recorded([1, 2, 3, 4])
    monitor.record_metric("db", duration=10, success=False)
    stats = monitor.get_stats("db")
    assert (stats.operation, stats.count, stats.success_count, stats.error_count) == ("db", 5, 4, 1)
    assert stats.cancelled_count == 0
    assert stats.success_rate == 0.8
    assert (stats.avg, stats.min, stats.max, stats.p50) == (4, 1, 10, 3)
    assert stats.p95 == pytest.approx(8.8)
    assert stats.p99 == pytest.approx(9.76)
    assert stats.errors_by_type == {"unknown": 1}


@given(st.lists(milliseconds, min_size=2, max_size=60))
def test_percentiles_are_exact_while_all_values_are_kept(durations):
    """As long as nothing left the ring, percentiles are those of the raw values."""
    rounded = [round(duration * 1e6) / 1e6 for duration in durations]
    stats = recorded(durations).get_stats("db")
    expected = quantiles(rounded, n=100, method="inclusive")
    assert stats.quantile(0.95) == pytest.approx(expected[94])
    assert stats.p50 == pytest.approx(expected[49])


@given(st.lists(milliseconds, min_size=11, max_size=200), st.floats(0, 1))
def test_percentiles_are_of_all_calls_when_the_ring_is_too_small(durations, q):
    """Percentiles stay those of the whole life, within 1.1 %, whatever the ring holds."""
    small = recorded(durations, max_metrics_per_operation=10).get_stats("db")
    large = recorded(durations, max_metrics_per_operation=200).get_stats("db")
    assert small.quantile(q) == pytest.approx(large.quantile(q), rel=0.011)
    assert (small.avg, small.min, small.max) == (large.avg, large.min, large.max)


def test_the_ring_holds_the_newest_values():
    """The raw values kept are the newest ones, in the order in which they were recorded."""
    stats = recorded(range(1, 1001), max_metrics_per_operation=3).get_stats("db")
    assert list(stats.newest_ns) == [998_000_000, 999_000_000, 1_000_000_000]


@pytest.mark.parametrize("q", [-0.1, 1.1, 95, float("nan")])
def test_a_quantile_outside_its_range_is_refused(q):
    """A share that is none is an error that names it."""
    with pytest.raises(UsageError, match=r"q is .*between 0 and 1"):
        recorded([1]).get_stats("db").quantile(q)


def test_an_operation_that_was_only_cancelled_has_no_durations(monitor):
    """Where nothing was counted, durations are 0 and no failure is reported."""
    with pytest.raises(GeneratorExit), monitor.track("job"):
        raise GeneratorExit
    stats = monitor.get_stats("job")
    assert (stats.count, stats.cancelled_count, stats.success_rate) == (0, 1, 1.0)
    assert (stats.avg, stats.min, stats.max, stats.p99) == (0, 0, 0, 0)


def test_stats_are_frozen_and_keep_their_moment():
    """What was handed out does not change with the monitor, nor by hand."""
    monitor = recorded([1])
    stats = monitor.get_stats("db")
    monitor.record_metric("db", duration=5)
    assert (stats.count, stats.max, list(stats.newest_ns)) == (1, 1, [1_000_000])
    with pytest.raises(FrozenInstanceError):
        stats.success_count = 7


def test_the_summary_weighs_operations_by_their_calls():
    """Total, error rate and mean are over all calls; the slowest has the highest mean."""
    monitor = recorded([1, 1, 1])
    monitor.record_metric("slow", duration=9, success=False)
    assert monitor.summary() == MonitorSummary(total=4, error_rate=0.25, avg=3.0, slowest="slow")


def test_the_summary_of_nothing_is_all_zero(monitor):
    """A monitor that saw nothing has a summary."""
    assert monitor.summary() == MonitorSummary(total=0, error_rate=0.0, avg=0.0, slowest=None)


@given(st.lists(milliseconds, max_size=30), st.lists(milliseconds, max_size=30))
def test_snapshots_of_processes_add_up(mine, theirs):
    """A pickled snapshot merged into a monitor gives what one monitor would have counted."""
    merged = recorded(mine)
    merged.merge(pickle.loads(pickle.dumps(recorded(theirs).snapshot())))
    together = recorded(mine + theirs).get_stats("db")
    stats = merged.get_stats("db")
    if together is None:
        assert stats is None
        return
    assert (stats.count, stats.total_ns, stats.bins) == (
        together.count,
        together.total_ns,
        together.bins,
    )
    assert (stats.min, stats.max, stats.p95) == (together.min, together.max, together.p95)


def test_merged_failures_and_cancellations_add_up(monitor):
    """Errors by type and cancelled calls of both processes are there after a merge."""
    for error in (ValueError, GeneratorExit):
        with pytest.raises(error), monitor.track("job"):
            raise error
    monitor.merge(monitor.snapshot())
    stats = monitor.get_stats("job")
    assert (stats.error_count, stats.cancelled_count) == (2, 2)
    assert stats.errors_by_type == {"ValueError": 2}


def test_a_merge_beyond_the_ring_answers_from_the_histogram():
    """A merged operation whose raw values are not all there is not taken for an exact one."""
    source = recorded([1.0] * 50 + [100.0] * 50, max_metrics_per_operation=10)
    merged = PerformanceMonitor()
    merged.merge(source.snapshot())
    assert merged.get_stats("db").quantile(0.25) == pytest.approx(1, rel=0.011)
