"""Calls by status code: exact, mergeable, bounded, and the same calls as all other figures."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.operation import FOLD_AT

CALL = st.tuples(
    st.integers(0, 10**9),
    st.sampled_from([None, 200, 204, 404, 500]),
    st.sampled_from([None, None, "E"]),
)


def monitor_of(calls):
    """Give a monitor, never bothered by slow calls, that has counted these."""
    monitor = PerformanceMonitor(slow_threshold=1e9, very_slow_threshold=1e9)
    for elapsed_ns, status, error_type in calls:
        monitor.record("a", elapsed_ns, status=status, error_type=error_type)
    return monitor


def by_status(monitor):
    """Give the number and the sum of an operation's calls by their status."""
    return {
        status: (durations.count, durations.total_ns)
        for status, durations in monitor.get_stats("a").by_status.items()
    }


@given(st.lists(CALL, min_size=1, max_size=60), st.lists(CALL, max_size=60))
def test_statuses_are_the_calls_themselves_also_when_merged(mine, theirs):
    """Every counted call is under its status once, and all of them make up the figures."""
    monitor = monitor_of(mine)
    monitor.merge(pickle.loads(pickle.dumps(monitor_of(theirs).snapshot())))
    calls = mine + theirs
    expected = Counter(status for _, status, _ in calls)
    assert by_status(monitor) == {
        status: (count, sum(elapsed_ns for elapsed_ns, own, _ in calls if own == status))
        for status, count in expected.items()
    }
    stats, alike = monitor.get_stats("a"), monitor_of(calls).get_stats("a")
    assert stats.count == len(calls)
    assert stats.total_ns == sum(elapsed_ns for elapsed_ns, *_ in calls)
    durations_ns = [elapsed_ns for elapsed_ns, *_ in calls]
    assert (stats.min_ns, stats.max_ns) == (min(durations_ns), max(durations_ns))
    assert stats.bins == alike.bins
    assert stats.quantile(0.5) == pytest.approx(alike.quantile(0.5), rel=0.011)


def test_classes_leave_out_what_has_no_status():
    """Classes count calls with a status; a plain operation has none."""
    monitor = monitor_of([(1, 200, None), (1, 201, None), (1, None, None), (1, 502, "E")])
    assert monitor.get_stats("a").status_classes == {"2xx": 2, "5xx": 1}
    assert monitor_of([(1, None, None)]).get_stats("a").status_classes == {}


def test_a_cancelled_call_has_no_status():
    """What nobody waited for is in its own figure alone."""
    monitor = PerformanceMonitor()
    monitor.record("a", 1, error_type="CancelledError", cancelled=True, status=200)
    assert by_status(monitor) == {}


def test_many_statuses_are_counted_by_their_hundred():
    """Eight are told apart, each later one is the first of its hundred, and no call is lost."""
    monitor = monitor_of([(1, status, None) for status in range(101, 1000)])
    statuses = monitor.get_stats("a").by_status
    assert set(statuses) == {*range(101, 109), *range(100, 1000, 100)}
    assert sum(durations.count for durations in statuses.values()) == 899


@pytest.mark.parametrize("status", [-1, 0, 99, 1000, 10**9])
def test_what_is_no_status_is_counted_as_zero(status):
    """Numbers that can be no code cannot fill the memory."""
    assert by_status(monitor_of([(1, status, None)])) == {0: (1, 1)}


def test_a_status_may_be_pythons_own():
    """`HTTPStatus.OK` is 200."""
    (status,) = by_status(monitor_of([(1, HTTPStatus.OK, None), (1, 200, None)]))
    assert type(status) is int


def test_a_reset_forgets_statuses():
    """After a reset they begin anew like all figures."""
    monitor = monitor_of([(1, 200, None)])
    operation = monitor.operation("a")
    monitor.reset()
    assert monitor.get_stats("a") is None
    assert operation.attention_ns < 0, "an instrument that held on to it is sent elsewhere"
    monitor.record("a", 1, status=404)
    assert by_status(monitor) == {404: (1, 1)}


def test_what_waits_to_be_folded_is_bounded_for_each_status():
    """Fewer than `FOLD_AT` calls of each status wait, unheard by listeners, however many come."""
    monitor, heard = PerformanceMonitor(), []
    monitor.subscribe(lambda _name, durations_ns, _errors: heard.extend(durations_ns))
    for number in range(1, 5000):
        monitor.record("a", 1, status=200 if number % 2 else 404)
        assert number - len(heard) < 2 * FOLD_AT
    monitor.flush()
    assert len(heard) == 4999


def test_threads_count_statuses_exactly(hasty_threads):
    """Threads that meet new statuses at the same time lose no call."""
    monitor = PerformanceMonitor()
    operation = monitor.operation("a")
    started = threading.Barrier(4)

    def work():
        started.wait()
        for number in range(5_000):
            operation.answered(1, 200 + number % 4)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert by_status(monitor) == {200 + number: (5_000, 5_000) for number in range(4)}
