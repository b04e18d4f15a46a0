"""The monitor's own names: settings, names, records, listeners, reset."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import PerformanceMonitor


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("slow_threshold", 0, "finite number above zero"),
        ("slow_threshold", float("nan"), "finite number above zero"),
        ("slow_threshold", "5 parsecs", "milliseconds"),
        ("very_slow_threshold", 10, "at least slow_threshold"),
        ("on_slow", "print", "a function"),
        ("on_very_slow", 3, "a function"),
        ("capture_stack", "always", "never, very_slow, slow"),
        ("max_metrics_per_operation", 0, "at least 1"),
        ("max_operations", True, "at least 1"),
        ("max_operations", 2.5, "at least 1"),
        ("sample_rate", 1.5, "between 0 and 1"),
        ("sample_rate", float("nan"), "between 0 and 1"),
    ],
)
def test_a_bad_setting_is_named(option, value, allowed):
    """A setting that is impossible is a usage error that says which and what is allowed."""
    with pytest.raises(UsageError, match=rf"{option} is .*{allowed}"):
        PerformanceMonitor(**{option: value})


def test_thresholds_read_like_limits(clock):
    """A threshold may be a text with its unit."""
    monitor = PerformanceMonitor(slow_threshold="200us", clock_ns=clock.now_ns)
    with monitor.track("op"):
        clock.advance("200us")
    assert [event.slowness for event in monitor.events()] == ["slow"]


@pytest.mark.parametrize("name", ["", None, 7, b"bytes"])
def test_a_name_that_is_none_is_refused(monitor, name):
    """Every way in refuses a name that is no text, and names it."""
    for use in (
        lambda: monitor.track(name),
        lambda: monitor.record_metric(name, duration=1),
        lambda: monitor.scope(name),
        lambda: monitor.track_operation(name, int),
    ):
        with pytest.raises(UsageError, match="expected a text"):
            use()
    assert monitor.get_stats() == []


@pytest.mark.parametrize("duration", [-1, float("nan"), float("inf"), 1e13])
def test_a_duration_that_is_none_is_refused(monitor, duration):
    """A recorded duration is finite, not negative, and under some 30 years."""
    with pytest.raises(UsageError, match=r"duration is .* milliseconds from 0 to 1e"):
        monitor.record_metric("op", duration=duration)
    assert monitor.get_stats("op") is None


def test_unknown_and_unfinished_operations_have_no_stats(monitor):
    """Stats are None before the first call has ended, and the list leaves them out."""
    assert monitor.get_stats("op") is None
    with monitor.track("op"):
        assert monitor.get_stats("op") is None
        assert monitor.get_stats() == []
    assert monitor.get_stats("op").count == 1


def test_the_list_of_stats_is_sorted_by_name(monitor):
    """All operations are listed by name, whatever order they came in."""
    for name in ("b", "a", "c"):
        monitor.record_metric(name, duration=1)
    assert [stats.operation for stats in monitor.get_stats()] == ["a", "b", "c"]


def test_a_timer_keeps_its_first_stop(monitor, clock):
    """A timer gives milliseconds, and the same ones however often it is stopped."""
    timer = monitor.start_timer()
    clock.advance("3ms")
    assert timer.stop() == 3.0
    clock.advance("4ms")
    assert timer.stop() == 3.0
    assert monitor.get_stats() == []


def test_an_instrument_of_ones_own_records_nanoseconds(monitor, clock):
    """`record` counts successes, failures by type and cancellations apart, timed by `clock_ns`."""
    start_ns = monitor.clock_ns()
    clock.advance("3ms")
    monitor.record("op", monitor.clock_ns() - start_ns, metadata={"status": 200})
    monitor.record("op", 5_000_000, error_type="503")
    monitor.record("op", 7_000_000, error_type="gone", cancelled=True)
    stats = monitor.get_stats("op")
    assert (stats.success_count, stats.error_count, stats.cancelled_count) == (1, 1, 1)
    assert (stats.min, stats.max, stats.errors_by_type) == (3, 5, {"503": 1})
    assert [event.metadata for event in monitor.events()] == [{"status": 200}, {}]


def test_track_operation_passes_everything_through(monitor, clock):
    """The function gets its arguments, the caller the result, the operation the time."""

    def work(fn, *, operation):
        clock.advance("2ms")
        return fn, operation

    assert monitor.track_operation("op", work, 1, operation=2) == (1, 2)
    assert monitor.get_stats("op").avg == 2.0


def test_track_operation_counts_what_raises(monitor):
    """An exception of the function is counted, and comes out as the very same object."""
    error = KeyError("k")

    def work():
        raise error

    with pytest.raises(KeyError) as caught:
        monitor.track_operation("op", work)
    assert caught.value is error
    assert monitor.get_stats("op").errors_by_type == {"KeyError": 1}


def test_track_operation_times_the_await(monitor, clock):
    """An awaitable is awaited inside the clock; what passes before that is not counted."""

    async def work():
        clock.advance("5ms")
        await asyncio.sleep(0)
        clock.advance("6ms")
        return "done"

    async def main():
        waiting = monitor.track_operation("op", work)
        clock.advance("100ms")
        return await waiting

    assert asyncio.run(main()) == "done"
    assert monitor.get_stats("op").avg == 11.0


def test_track_operation_counts_a_failing_await(monitor):
    """What an awaitable raises is counted once, as a failure."""

    async def work():
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        asyncio.run(monitor.track_operation("op", work))
    stats = monitor.get_stats("op")
    assert (stats.count, stats.error_count) == (1, 1)


def test_names_beyond_the_cap_are_counted_together(caplog):
    """A flood of names stays at the cap, loses no call, and is warned of once."""
    monitor = PerformanceMonitor(max_operations=5)
    with caplog.at_level(logging.WARNING, "pytest_perfmon"):
        for number in range(100):
            with monitor.track(f"user.{number}"):
                pass
    assert len(monitor.get_stats()) == 6
    assert monitor.get_stats("__other__").count == 95
    assert monitor.summary().total == 100
    assert len(caplog.records) == 1
    assert "user.5" in caplog.text
    assert "max_operations" in caplog.text


def test_a_decorated_function_beyond_the_cap_gets_its_place_after_a_reset():
    """Who was counted with others under a full cap is counted alone once there is room."""
    monitor = PerformanceMonitor(max_operations=1)
    monitor.record_metric("first", duration=1)
    timed = monitor.track_performance("late")(lambda: None)
    timed()
    assert monitor.get_stats("late") is None
    monitor.reset()
    timed()
    timed()
    assert monitor.get_stats("late").count == 2


def test_reset_takes_a_glob(monitor):
    """Only what matches is forgotten, its events too; without a pattern, everything."""
    for name in ("api.users", "api.orders", "db.query"):
        with monitor.track(name, metadata={"k": 1}):
            pass
    monitor.reset("api.*")
    assert [stats.operation for stats in monitor.get_stats()] == ["db.query"]
    assert [event.operation for event in monitor.events()] == ["db.query"]
    monitor.reset()
    assert (monitor.get_stats(), monitor.events()) == ([], ())


def test_counting_goes_on_after_a_reset(monitor):
    """Spans, decorated functions and records count from one again."""
    timed = monitor.track_performance("op")(lambda: None)
    for _ in range(3):
        timed()
        with monitor.track("op"):
            pass
    span = monitor.track("op").__enter__()
    monitor.reset()
    timed()
    timed()
    span.__exit__(None, None, None)
    assert monitor.get_stats("op").count == 3


def test_a_reset_frees_places_under_the_cap():
    """Names forgotten make room for new ones."""
    monitor = PerformanceMonitor(max_operations=1)
    monitor.record_metric("a", duration=1)
    monitor.reset("a")
    monitor.record_metric("b", duration=1)
    assert [stats.operation for stats in monitor.get_stats()] == ["b"]


def test_a_listener_hears_every_counted_call_once(monitor, clock):
    """Each duration and each error type is told exactly once, however often one flushes."""
    heard = []
    unsubscribe = monitor.subscribe(lambda *args: heard.append(tuple(map(tuple, args[1:]))))
    for number in range(1000):
        with monitor.track("op"):
            clock.advance(number)
    with pytest.raises(ValueError), monitor.track("op"):  # noqa: PT011, PT012 - the type counts
        clock.advance(5000)
        raise ValueError
    monitor.flush()
    monitor.flush()
    monitor.get_stats()
    durations = [duration for told, _ in heard for duration in told]
    assert sorted(durations) == [*range(1000), 5000]
    assert [error for _, told in heard for error in told] == ["ValueError"]
    unsubscribe()
    unsubscribe()
    with monitor.track("op"):
        pass
    monitor.flush()
    assert len([duration for told, _ in heard for duration in told]) == 1001


def test_a_subscription_starts_and_ends_where_it_was_made(monitor, clock):
    """Calls before are not told, calls up to the end are, though nothing had folded them."""
    heard = []
    monitor.record_metric("op", duration=1)
    unsubscribe = monitor.subscribe(lambda _, durations, __: heard.extend(durations))
    monitor.record_metric("op", duration=2)
    unsubscribe()
    monitor.record_metric("op", duration=3)
    monitor.flush()
    assert heard == [2_000_000]


def test_a_cancelled_call_is_not_told(monitor):
    """Listeners hear of what is counted, and a cancelled call is not."""
    heard = []
    monitor.subscribe(lambda *args: heard.append(args))
    with pytest.raises(GeneratorExit), monitor.track("op"):
        raise GeneratorExit
    monitor.flush()
    assert heard == []


def test_a_listener_may_use_the_monitor_and_fail(monitor, caplog):
    """A listener that tracks, reads and raises disturbs nobody; its error is logged once."""

    def listener(operation, durations, error_types):
        with monitor.track("inside"):
            monitor.get_stats(operation)
            monitor.flush()
        raise RuntimeError("listener")

    monitor.subscribe(listener)
    for _ in range(5):
        monitor.record_metric("op", duration=1)
        monitor.get_stats("op")
    assert monitor.get_stats("op").count == 5
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_disabled_monitor_does_nothing(clock):
    """Switched off, every form works and nothing is counted; functions stay as they are."""
    monitor = PerformanceMonitor(enabled=False, slow_threshold=1, clock_ns=clock.now_ns)

    def work(value=7):
        return value

    assert monitor.track_performance("op")(work) is work
    assert monitor.track_operation("op", work, 8) == 8
    with monitor.track("op") as span, monitor.track("op", metadata={"k": 1}):
        clock.advance("10ms")
    with pytest.raises(ZeroDivisionError), monitor.track("op"):
        1 / 0  # noqa: B018 - raises
    monitor.record_metric("op", duration=9)
    source = PerformanceMonitor()
    source.record_metric("op", duration=1)
    monitor.merge(source.snapshot())
    assert span.duration is None
    assert not monitor.enabled
    assert (monitor.get_stats(), monitor.events()) == ([], ())


def test_the_programs_random_numbers_are_left_alone(clock):
    """Thinning out events draws nothing from the program's generator."""
    random.seed(1)
    expected = random.random()
    random.seed(1)
    monitor = PerformanceMonitor(sample_rate=0.5, clock_ns=clock.now_ns)
    for _ in range(100):
        with monitor.track("op", metadata={"k": 1}):
            pass
    assert random.random() == expected
