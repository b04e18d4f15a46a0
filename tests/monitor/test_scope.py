"""A scope is the monitor under a prefix."""

from __future__ import annotations

import pytest

from pytest_perfmon.monitor.core import PerformanceMonitor


def test_every_form_is_recorded_under_the_prefix(monitor, clock):
    """All ways of recording get the prefix, and the monitor sees the full names."""
    api = monitor.scope("api")
    with api.track("with", {"k": 1}):
        clock.advance("1ms")
    assert api.track_operation("call", divmod, 7, 2) == (3, 1)
    assert api.track_performance("decorated")(lambda: 5)() == 5
    api.record_metric("recorded", duration=4, success=False)
    names = ["api.call", "api.decorated", "api.recorded", "api.with"]
    assert [stats.operation for stats in monitor.get_stats()] == names
    assert [stats.operation for stats in api.get_stats()] == names
    assert api.get_stats("recorded").error_count == 1
    assert api.get_stats("api.recorded") is None
    assert api.name == "api"
    timer = api.start_timer()
    clock.advance("2ms")
    assert timer.stop() == 2.0


def test_a_scope_sees_and_forgets_only_its_own(monitor):
    """Figures, summary and reset leave out what merely looks alike."""
    api = monitor.scope("api")
    for name in ("api.users", "api", "apix.users", "db.query"):
        monitor.record_metric(name, duration=2)
    assert [stats.operation for stats in api.get_stats()] == ["api.users"]
    assert api.summary().total == 1
    api.reset()
    assert api.summary().total == 0
    assert [stats.operation for stats in monitor.get_stats()] == ["api", "apix.users", "db.query"]


def test_a_scopes_reset_takes_a_glob(monitor):
    """A pattern is one of names inside the scope."""
    api = monitor.scope("api")
    for name in ("users.list", "users.get", "orders"):
        api.record_metric(name, duration=1)
    api.reset("users.*")
    assert [stats.operation for stats in api.get_stats()] == ["api.orders"]


def test_a_prefix_is_no_pattern(monitor):
    """Glob characters in a scope's name stand for themselves."""
    monitor.scope("a*").record_metric("x", duration=1)
    monitor.scope("ab").record_metric("x", duration=1)
    assert [stats.operation for stats in monitor.scope("a*").get_stats()] == ["a*.x"]


def test_scopes_nest(monitor):
    """A scope in a scope joins their names."""
    monitor.scope("api").scope("v1").record_metric("users", duration=1)
    assert monitor.get_stats("api.v1.users").count == 1


@pytest.mark.parametrize("use", ["track_operation", "track"])
def test_a_disabled_monitors_scope_does_nothing(clock, use):
    """Scopes of a monitor that is switched off count nothing either."""
    api = PerformanceMonitor(enabled=False).scope("api")
    if use == "track":
        with api.track("x"):
            pass
    else:
        api.track_operation("x", int)
    assert api.get_stats() == []
