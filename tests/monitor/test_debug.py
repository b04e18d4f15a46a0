"""Debug mode and the periodic reset."""

from __future__ import annotations

import time

import pytest

from pytest_perfmon import PerformanceMonitor, PeriodicReset, UsageError


def test_debug_mode_shows_slow_calls_on_standard_error(clock, capsys):
    """A slow call is there with its time, error, metadata and this very function."""
    monitor = PerformanceMonitor.debug(clock_ns=clock.now_ns)

    def query():
        clock.advance("1500ms")
        raise KeyError

    with pytest.raises(KeyError):
        monitor.track_operation("db.query", query, metadata={"table": "users"})
    out, err = capsys.readouterr()
    assert out == ""
    first, second, third, *_ = err.splitlines()
    assert first == "perfmon: 'db.query' was slow: 1500.000 ms, raised KeyError"
    assert second == "    table = 'users'"
    assert third.startswith(f"    at {__file__}:")
    assert third.endswith("test_debug_mode_shows_slow_calls_on_standard_error")


def test_debug_mode_says_nothing_of_fast_calls(clock, capsys):
    """Below the threshold nothing is written."""
    monitor = PerformanceMonitor.debug(clock_ns=clock.now_ns)
    with monitor.track("db.query"):
        clock.advance("999ms")
    assert capsys.readouterr().err == ""


def test_debug_mode_takes_the_options_of_a_monitor(clock, capsys):
    """What is given comes before what debug mode would choose."""
    events = []
    monitor = PerformanceMonitor.debug(
        clock_ns=clock.now_ns, slow_threshold="1ms", on_slow=events.append
    )
    with monitor.track("op"):
        clock.advance("1ms")
    (event,) = events
    assert event.stack
    assert capsys.readouterr().err == ""
    with pytest.raises(TypeError):
        PerformanceMonitor.debug(slowness=1)


def test_a_periodic_reset_forgets_again_and_again():
    """What was counted is gone after a while, twice, and the rest stays."""
    monitor = PerformanceMonitor()
    monitor.record_metric("db.query", 1.0)
    with PeriodicReset(monitor, every="1ms", pattern="api.*"):
        for _ in range(2):
            monitor.record_metric("api.users", 1.0)
            deadline = time.monotonic() + 20
            while monitor.get_stats("api.users") and time.monotonic() < deadline:
                time.sleep(0.001)
            assert monitor.get_stats("api.users") is None
    assert monitor.get_stats("db.query").count == 1


def test_a_closed_reset_forgets_nothing():
    """After `close()`, which may come twice, the period ends without a reset."""
    monitor = PerformanceMonitor()
    monitor.record_metric("db.query", 1.0)
    reset = PeriodicReset(monitor, every="60min")
    reset.close()
    reset.close()
    reset._run()
    assert monitor.get_stats("db.query").count == 1


def test_a_period_carries_its_unit():
    """A bare number is a usage error that says so."""
    with pytest.raises(UsageError, match="every is 60"):
        PeriodicReset(PerformanceMonitor(), every=60)
