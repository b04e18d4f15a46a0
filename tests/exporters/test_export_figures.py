"""What exporters take from a monitor is exact: no call is lost, none is sent twice."""

from __future__ import annotations

import gc
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.exporters.figures import HEARD_AT_MOST, Intervals, Totals
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.histogram import LogHistogram
from pytest_perfmon.monitor.operation import FOLD_AT

CALL = st.tuples(st.sampled_from("ab"), st.integers(0, 10**9), st.sampled_from([None, "E", "F"]))


@pytest.fixture
def monitor():
    """A monitor that is not bothered by slow calls."""
    return PerformanceMonitor(slow_threshold=1e9, very_slow_threshold=1e9)


@given(steps=st.lists(CALL | st.sampled_from(["take", "reset"]), max_size=40))
def test_intervals_add_up_to_all_calls_whatever_is_reset(steps):
    """Over any course of calls, resets and takes, intervals add up to the calls, all exact."""
    monitor = PerformanceMonitor()
    intervals = Intervals(monitor)
    taken, calls = [], []
    for step in steps:
        if step == "take":
            taken += intervals.take()
        elif step == "reset":
            monitor.reset()
        else:
            calls.append(step)
            name, elapsed_ns, error_type = step
            monitor.record(name, elapsed_ns, error_type=error_type)
    taken += intervals.take()
    for name in "ab":
        figures = [stats for stats in taken if stats.operation == name]
        durations = [elapsed_ns for operation, elapsed_ns, _ in calls if operation == name]
        assert sum(stats.count for stats in figures) == len(durations)
        assert sum(stats.total_ns for stats in figures) == sum(durations)
        assert min((stats.min_ns for stats in figures), default=0) == min(durations, default=0)
        assert max((stats.max_ns for stats in figures), default=0) == max(durations, default=0)
        for error in "EF":
            failed = [1 for operation, _, kind in calls if (operation, kind) == (name, error)]
            assert sum(stats.errors_by_type.get(error, 0) for stats in figures) == len(failed)


def test_an_interval_has_only_what_was_called_in_it(monitor):
    """An operation that was not called since the last time is not there."""
    intervals = Intervals(monitor)
    monitor.record("a", 1)
    assert [stats.operation for stats in intervals.take()] == ["a"]
    monitor.record("b", 1)
    assert [stats.operation for stats in intervals.take()] == ["b"]
    assert intervals.take() == []


def test_as_many_names_are_told_apart_as_the_monitor_does():
    """A monitor of more operations than usual loses no name in its intervals."""
    monitor = PerformanceMonitor(max_operations=2500)
    intervals = Intervals(monitor)
    for number in range(2600):
        monitor.record(f"operation {number}", 1)
    taken = {stats.operation: stats.count for stats in intervals.take()}
    assert len(taken) == 2501
    assert taken["__other__"] == 100


def test_names_that_resets_make_room_for_stay_within_the_cap():
    """Ever new names between two looks take no more room than those of the monitor."""
    monitor = PerformanceMonitor(max_operations=3)
    intervals = Intervals(monitor)
    for number in range(12):
        monitor.record(f"operation {number}", 1)
        monitor.reset()
    taken = {stats.operation: stats.count for stats in intervals.take()}
    assert len(taken) == 4
    assert taken["__other__"] == 9


def test_an_interval_is_gone_once_it_was_taken(monitor):
    """What was counted for an interval does not wait for the collector of cycles."""
    intervals = Intervals(monitor)
    gc.collect()
    gc.disable()
    try:
        before = living_histograms()
        for _ in range(3):
            for number in range(100):
                monitor.record(f"operation {number}", 1)
            intervals.take()
        assert living_histograms() - before == 100  # the monitor's own
    finally:
        gc.enable()


def living_histograms():
    """Count the histograms that take memory in this process."""
    return sum(isinstance(one, LogHistogram) for one in gc.get_objects())


def test_intervals_are_exact_while_threads_call(monitor):
    """Four threads call while one takes: every call is in exactly one interval."""
    intervals, taken = Intervals(monitor), []
    threads = [
        threading.Thread(target=lambda: [monitor.record("a", 5) for _ in range(5000)])
        for _ in range(4)
    ]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            taken += intervals.take()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switching)
    taken += intervals.take()
    assert sum(stats.count for stats in taken) == 4 * 5000
    assert sum(stats.total_ns for stats in taken) == 4 * 5000 * 5


def test_calls_that_nobody_takes_stay_small(monitor):
    """Without a take, folds are counted together as they come."""
    intervals = Intervals(monitor)
    for _ in range(3 * HEARD_AT_MOST * FOLD_AT):
        monitor.record("a", 5)
    assert len(intervals._heard) < HEARD_AT_MOST
    assert intervals.take()[0].count == 3 * HEARD_AT_MOST * FOLD_AT


def test_whoever_interrupts_the_counting_goes_on(monitor):
    """A fold that comes in while another is counted is kept for the next time, without waiting."""
    intervals = Intervals(monitor)
    with intervals._counting:
        for _ in range(2 * HEARD_AT_MOST):
            intervals._hear("a", [5], [])
    assert intervals.take()[0].count == 2 * HEARD_AT_MOST


def test_a_closed_one_listens_no_longer(monitor):
    """After `close` nothing is heard."""
    intervals = Intervals(monitor)
    intervals.close()
    monitor.record("a", 1)
    assert intervals.take() == []


def test_totals_are_one_snapshot_of_everything(monitor):
    """Running totals hold what was counted before, and again the next time."""
    totals = Totals(monitor)
    monitor.record("a", 1)
    for calls in (2, 3):
        monitor.record("a", 1)
        (snapshot,) = totals.take()
        assert snapshot.operations[0].count == calls
    totals.start_in_child()
    totals.close()
    assert totals.take()[0].operations[0].count == 3
