"""The bound on memory that the monitor's docstring states."""

from __future__ import annotations

import random
import tracemalloc
from itertools import chain, product, repeat

import pytest

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.operation import FOLD_AT

NEWEST = 1000
PER_OPERATION = 2 * 8 * NEWEST + 90_000
PER_STATUS = 40_000


def grown(work):
    """Bytes that the work left behind, and the most it took at any time."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        kept = work()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return after - before, peak - before


@pytest.mark.slow
def test_many_calls_of_one_operation_stay_within_its_bound():
    """One operation takes no more than stated, whatever its two hundred thousand durations are."""
    monitor = PerformanceMonitor(max_metrics_per_operation=NEWEST)
    monitor.record_metric("op", duration=1)
    operation = monitor.operation("op")
    draw = random.Random(1)
    durations = [int(draw.lognormvariate(14, 5)) for _ in range(10_000)]

    def work():
        succeeded = operation.succeeded
        for duration in chain.from_iterable(repeat(durations, 20)):
            succeeded(duration)

    kept, peak = grown(work)
    assert monitor.get_stats("op").count == 200_001
    assert kept < PER_OPERATION
    assert peak < PER_OPERATION


@pytest.mark.slow
def test_statuses_of_one_operation_stay_within_its_bound():
    """Calls of every status there is, of any duration, take no more than stated for 18 of them."""
    monitor = PerformanceMonitor(max_metrics_per_operation=NEWEST)
    operation = monitor.operation("op")
    durations = [1 << octave for octave in range(63)]

    def work():
        for status, duration in product(range(101, 1001), durations):
            operation.answered(duration, status)
        monitor.flush()

    kept, peak = grown(work)
    assert len(monitor.get_stats("op").by_status) == 18
    assert kept < PER_OPERATION + 18 * PER_STATUS
    assert peak < PER_OPERATION + 18 * PER_STATUS


@pytest.mark.slow
def test_ten_thousand_names_stay_within_the_cap():
    """Ten thousand names with several calls each take no more than 2,001 operations may."""

    def work():
        monitor = PerformanceMonitor()
        for number in range(10_000):
            for duration in (100, 5_000, 100_000):
                monitor.operation(f"operation.{number}").succeeded(duration)
        monitor.flush()
        return monitor

    kept, peak = grown(work)
    assert kept < 2_001 * 6_000
    assert peak < 2_001 * 6_000


def test_a_look_takes_little_for_each_bin():
    """A snapshot takes 12 bytes for each bin that was met, and 1.5 KB for each operation.

    Whoever exports takes one again and again: what it needs for a moment, a heap keeps for good.
    """
    monitor = PerformanceMonitor(max_metrics_per_operation=1)
    for number in range(50):
        operation = monitor.operation(f"operation.{number}")
        for elapsed_ns in range(1000, 2000):
            operation.succeeded(elapsed_ns)
    bins = sum(len(stats.bins) for stats in monitor.get_stats())
    assert bins > 50 * 60
    kept, peak = grown(monitor.snapshot)
    assert kept <= peak < 12 * bins + 50 * 1500


def test_what_waits_to_be_folded_is_bounded():
    """At most `FOLD_AT` raw integers wait while nobody reads."""
    monitor = PerformanceMonitor()
    most = 0
    for _ in range(5000):
        with monitor.track("op"):
            pass
        most = max(most, len(monitor.operation("op").pending))
    assert most == FOLD_AT - 1


def test_events_are_bounded_in_number_and_size():
    """Events with large metadata take a stated number of bytes each, and 500 are kept."""
    monitor = PerformanceMonitor()

    def work():
        for number in range(2000):
            metadata = {f"{number}.{key}": "x" * 10_000 for key in range(50)}
            monitor.record_metric("op", duration=1, metadata=metadata)

    kept, _ = grown(work)
    assert len(monitor.events()) == 500
    assert kept < 500 * 16 * 500 + PER_OPERATION
