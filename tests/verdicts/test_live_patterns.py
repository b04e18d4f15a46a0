"""The patterns for running applications, on a monitor with a scripted clock."""

from __future__ import annotations

import pytest

from pytest_perfmon import (
    AdaptiveThresholds,
    BudgetViolation,
    PerformanceBudget,
    PerformanceMonitor,
    PerformanceTrends,
    UsageError,
)


def monitor_with(**durations_ms: float) -> PerformanceMonitor:
    """Give a monitor that has seen each operation take so long, three times."""
    monitor = PerformanceMonitor()
    for operation, duration in durations_ms.items():
        for _ in range(3):
            monitor.record_metric(operation, duration=duration)
    return monitor


@pytest.mark.parametrize(
    ("p95", "severity"),
    [(51.0, "warning"), (100.0, "warning"), (101.0, "error"), (151.0, "critical")],
)
def test_a_violation_is_graded(p95, severity):
    """Up to twice the budget warns, beyond is an error, beyond three times critical."""
    budget = PerformanceBudget(monitor_with(query=p95), {"query": 50, "never": "1ms"})
    (violation,) = budget.check()
    assert violation == BudgetViolation("query", 50.0, pytest.approx(p95), severity)


def test_at_its_limit_an_operation_is_within_its_budget():
    """A p95 equal to the budget is no violation, and a text carries its own unit."""
    assert PerformanceBudget(monitor_with(get=0.2), {"get": "200us"}).check() == []


def test_an_impossible_budget_is_refused_by_name():
    """A negative limit is a usage error that names the operation."""
    with pytest.raises(UsageError, match=r"the budget of 'query' is -1"):
        PerformanceBudget(PerformanceMonitor(), {"query": -1})


def test_a_threshold_is_twice_the_p95_seen_last():
    """Thresholds follow updates; an unknown operation has one second."""
    thresholds = AdaptiveThresholds()
    assert thresholds.get_threshold("query") == 1000
    thresholds.update(monitor_with(query=40.0))
    assert thresholds.get_threshold("query") == pytest.approx(80.0)
    thresholds.update(monitor_with(query=10.0))
    assert thresholds.get_threshold("query") == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("history", "degraded"),
    [
        ([10.0] * 9, False),
        ([10.0] * 5 + [15.0] * 5, False),
        ([10.0] * 5 + [15.1] * 5, True),
        ([99.0] * 5 + [10.0] * 10 + [16.0] * 5, True),
    ],
)
def test_a_trend_compares_the_last_five_with_the_ten_before(history, degraded):
    """Degradation is a mean of the last five above 1.5 times that of the up to ten before."""
    trends = PerformanceTrends()
    for p95 in history:
        trends.record_snapshot(monitor_with(query=p95))
    assert trends.detect_degradation("query") is degraded
    assert trends.detect_degradation("unknown") is False
    assert trends.detect_degradation("query", threshold=10.0) is False
