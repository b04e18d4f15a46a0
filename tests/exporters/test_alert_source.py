"""Alerts from the background: what was called lately is judged, each call once."""

from __future__ import annotations

import pytest

from pytest_perfmon import CriticalPath, PerformanceMonitor, UsageError
from pytest_perfmon.exporters.alerts import AlertSource
from pytest_perfmon.testing import FakeClock


@pytest.fixture
def monitor():
    """A monitor with figures of nothing."""
    return PerformanceMonitor()


@pytest.fixture
def source(monitor):
    """Watches `get` (p95 of 10 ms) and `login` (p99 of 500 ms), five calls at a time."""
    source = AlertSource(
        monitor,
        budgets={"get": 10},
        critical=CriticalPath(["login"], p99=500),
        min_calls=5,
        clock_ns=FakeClock().now_ns,
    )
    yield source
    source.close()


def news(source):
    """Check; give what is news in short."""
    return [(alert.operation, alert.criterion, alert.state) for alert in source.take()]


def record(monitor, operation, duration, calls=5):
    """Count so many calls."""
    for _ in range(calls):
        monitor.record_metric(operation, duration)


def test_a_long_life_hides_no_slow_hour_and_keeps_none_alive(monitor, source):
    """After 10,000 fast calls slow ones are told at once, and so are fast ones after them."""
    record(monitor, "get", 1.0, calls=10_000)
    assert news(source) == []
    record(monitor, "get", 15.0)
    assert news(source) == [("get", "p95", "raised")]
    record(monitor, "get", 15.0)
    assert news(source) == []
    record(monitor, "get", 1.0)
    assert news(source) == [("get", "p95", "recovered")]


def test_few_calls_wait_for_more(monitor, source):
    """Calls are gathered until there are `min_calls`, and are then judged together."""
    record(monitor, "get", 15.0, calls=4)
    assert news(source) == []
    record(monitor, "get", 15.0, calls=1)
    assert news(source) == [("get", "p95", "raised")]


def test_each_call_is_judged_once(monitor, source):
    """A slow call that was judged is not held against the calls after it."""
    record(monitor, "get", 15.0)
    news(source)
    record(monitor, "get", 1.0, calls=4)
    assert news(source) == []
    record(monitor, "get", 1.0, calls=1)
    assert news(source) == [("get", "p95", "recovered")]


def test_critical_paths_and_budgets_are_checked_together(monitor, source):
    """One check finds violations of both; a reset of the monitor in between loses nothing."""
    record(monitor, "get", 15.0)
    record(monitor, "login", 600.0)
    monitor.reset()
    assert news(source) == [("get", "p95", "raised"), ("login", "p99", "raised")]


def test_a_forked_child_leaves_its_parents_calls_to_it(monitor, source):
    """What was called before is not judged in the child, whether it was taken up or not."""
    record(monitor, "get", 15.0, calls=4)
    source.take()
    record(monitor, "get", 15.0, calls=4)
    source.start_in_child()
    record(monitor, "get", 15.0, calls=4)
    assert news(source) == []
    record(monitor, "get", 15.0, calls=1)
    assert news(source) == [("get", "p95", "raised")]


def test_a_forked_child_does_not_end_what_its_parent_told_of(monitor, source):
    """What stood at the fork recovers in the parent's messages alone."""
    record(monitor, "get", 15.0)
    assert news(source) == [("get", "p95", "raised")]
    source.start_in_child()
    record(monitor, "get", 1.0)
    assert news(source) == []


def test_operations_without_a_limit_are_not_gathered(monitor, source):
    """Ten thousand names that nobody limits cost the check nothing."""
    for number in range(100):
        record(monitor, f"other{number}", 15.0, calls=1)
    source.take()
    assert source._recent._counted.get_stats() == []


def test_a_closed_source_hears_nothing(monitor, source):
    """After `close()` the monitor is watched no longer."""
    source.close()
    record(monitor, "get", 15.0)
    assert news(source) == []


def test_the_number_of_calls_is_checked(monitor):
    """A number below one is a usage error."""
    with pytest.raises(UsageError, match="min_calls is 0"):
        AlertSource(monitor, budgets={"get": 10}, min_calls=0)
