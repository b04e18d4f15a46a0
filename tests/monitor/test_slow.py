"""Alerts about slow calls, and that nothing in them can hurt the call."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest

from pytest_perfmon.monitor import background
from pytest_perfmon.monitor.core import PerformanceMonitor


@pytest.fixture
def watched(clock):
    """Make a monitor that finds 10 ms slow and 100 ms very slow."""

    def make(**options):
        return PerformanceMonitor(
            slow_threshold=10, very_slow_threshold=100, clock_ns=clock.now_ns, **options
        )

    return make


def spend(monitor, clock, time, operation="op"):
    """Make one call that takes that time."""
    with monitor.track(operation):
        clock.advance(time)


def test_thresholds_decide_who_is_told(watched, clock):
    """From the threshold on a call is slow; a very slow one goes to both callbacks."""
    slow, very_slow = [], []
    monitor = watched(on_slow=slow.append, on_very_slow=very_slow.append)
    for time in (9_999_999, "10ms", 99_999_999, "100ms"):
        spend(monitor, clock, time)
    assert [event.duration for event in slow] == [10.0, 99.999999, 100.0]
    assert [event.duration for event in very_slow] == [100.0]
    assert [event.slowness for event in slow] == ["slow", "slow", "very_slow"]
    assert monitor.get_stats("op").count == 4


def test_the_log_says_it_at_two_levels(watched, clock, caplog):
    """A slow call is a warning, a very slow one an error, each naming operation and times."""
    monitor = watched()
    spend(monitor, clock, "20ms", "db.query")
    spend(monitor, clock, "200ms", "db\nquery")
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
    assert caplog.messages == [
        "operation 'db.query' took 20.000 ms (threshold 10.0 ms)",
        "operation 'db\\nquery' took 200.000 ms (threshold 100.0 ms)",
    ]
    assert caplog.records[0].perfmon_operation == "db.query"


def test_a_logger_of_ones_own_is_used(watched, clock, caplog):
    """Alerts and complaints go to the logger that was given."""
    # an event is no number
    monitor = watched(logger=logging.getLogger("app.speed"), on_slow=int)
    spend(monitor, clock, "20ms")
    assert {record.name for record in caplog.records} == {"app.speed"}
    assert len(caplog.records) == 2


def test_a_slow_failure_is_both(watched, clock):
    """A slow call that raises tells its callback so, and still raises."""
    events = []
    monitor = watched(on_slow=events.append)

    def work():
        clock.advance("20ms")
        raise KeyError

    with pytest.raises(KeyError):
        monitor.track_operation("op", work)
    (event,) = events
    assert (event.success, event.error_type, event.slowness) == (False, "KeyError", "slow")


def test_a_callback_that_raises_is_logged_once(watched, clock, caplog):
    """A failing callback disturbs neither the call nor other callbacks, and fills no log."""
    told = []

    class Alerts:
        def fail(self, event):
            raise RuntimeError(event.operation)

    monitor = watched(on_slow=Alerts().fail, on_very_slow=told.append)
    for _ in range(3):
        spend(monitor, clock, "200ms")
    assert len([record for record in caplog.records if record.exc_info]) == 1
    assert len(told) == 3
    assert monitor.get_stats("op").success_count == 3


def test_each_failing_callback_gets_its_own_complaint(watched, clock, caplog):
    """Two failing callbacks are two complaints."""

    def first(event):
        raise RuntimeError("first")

    def second(event):
        raise RuntimeError("second")

    spend(watched(on_slow=first, on_very_slow=second), clock, "200ms")
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "first",
        "second",
    ]


def test_a_broken_logger_hurts_nobody(watched, clock):
    """Even a logger that raises leaves the call alone."""

    class Broken(logging.Logger):
        def isEnabledFor(self, level):  # noqa: N802 - logging's name
            raise OSError(level)

    told = []
    spend(watched(logger=Broken("broken"), on_slow=told.append), clock, "20ms")
    assert len(told) == 1


def test_what_stops_the_program_goes_through(watched, clock):
    """Ctrl-C during a callback is not swallowed."""

    def callback(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spend(watched(on_slow=callback), clock, "20ms")


def test_a_slow_call_inside_a_callback_makes_no_alert(watched, clock):
    """A callback that tracks slow work is counted and kept, but does not call itself."""
    told = []

    def callback(event):
        told.append(event)
        spend(monitor, clock, "20ms", "inside")

    monitor = watched(on_slow=callback)
    spend(monitor, clock, "20ms")
    spend(monitor, clock, "20ms")
    assert [event.operation for event in told] == ["op", "op"]
    assert monitor.get_stats("inside").count == 2
    assert [event.operation for event in monitor.events()] == ["op", "inside"] * 2


def test_callbacks_run_outside_locks(watched, clock):
    """A callback may read, reset and wait for another thread that records."""

    def callback(event):
        monitor.get_stats()
        thread = threading.Thread(target=spend, args=(monitor, clock, 5, "op"))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        done.append(monitor.get_stats("op").count)
        monitor.reset()

    done = []
    monitor = watched(on_slow=callback)
    spend(monitor, clock, "20ms")
    assert done == [2]


def test_an_async_callback_runs_on_the_running_loop(watched, clock):
    """Inside an event loop, the callback is a task of that loop."""

    async def callback(event):
        await asyncio.sleep(0)
        ran.append((event.operation, asyncio.get_running_loop()))
        finished.set()

    async def main():
        nonlocal finished
        finished = asyncio.Event()
        spend(monitor, clock, "20ms")
        assert ran == []
        await asyncio.wait_for(finished.wait(), 10)
        return asyncio.get_running_loop()

    ran = []
    finished = None
    monitor = watched(on_slow=callback)
    loop = asyncio.run(main())
    assert ran == [("op", loop)]


def test_an_async_callback_without_a_loop_runs_in_a_thread(watched, clock):
    """Outside an event loop, the callback runs beside the program, which does not wait."""

    async def callback(event):
        await asyncio.sleep(0)
        spend(monitor, clock, "20ms", "inside")
        ran.append(threading.current_thread())
        finished.set()

    ran = []
    finished = threading.Event()
    monitor = watched(on_slow=callback)
    spend(monitor, clock, "20ms")
    assert finished.wait(10)
    (thread,) = ran
    assert thread is not threading.main_thread()
    thread.join(10)
    assert monitor.get_stats("inside").count == 1


def test_an_async_callback_that_raises_is_logged_once(watched, clock, caplog):
    """What an async callback raises is a complaint like that of any other."""

    async def callback(event):
        raise RuntimeError("later")

    async def main():
        for _ in range(3):
            spend(monitor, clock, "20ms")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    monitor = watched(on_slow=callback)
    asyncio.run(main())
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["later"]


def test_async_callbacks_do_not_pile_up(watched, clock, caplog):
    """Beyond a number of running callbacks further ones are dropped, and it is said once."""

    async def callback(event):
        started.append(event)
        await release.wait()

    async def main():
        nonlocal release
        release = asyncio.Event()
        for _ in range(background.RUNNING_AT_MOST + 5):
            spend(monitor, clock, "20ms")
        await asyncio.sleep(0)
        release.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        spend(monitor, clock, "20ms")
        await asyncio.sleep(0)

    started = []
    release = None
    monitor = watched(on_slow=callback)
    asyncio.run(main())
    assert len(started) == background.RUNNING_AT_MOST + 1
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_callbacks_that_are_cancelled_at_once_are_not_counted_as_running(watched, clock):
    """A slow call just before a program cancels all of its tasks leaves room for later ones."""

    async def callback(event):
        ran.append(event.operation)

    async def main():
        spend(monitor, clock, "20ms", "cut off")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # before its first step

    async def last():
        spend(monitor, clock, "20ms", "last")
        await asyncio.sleep(0)

    ran = []
    monitor = watched(on_slow=callback)
    for _ in range(background.RUNNING_AT_MOST):
        asyncio.run(main())
    asyncio.run(last())
    assert ran == ["last"]


def test_callbacks_of_a_closed_loop_are_not_counted_as_running(watched, clock, caplog):
    """A loop that is closed without cancelling its tasks leaves room for later callbacks too."""

    async def callback(event):
        ran.append(event.operation)
        await asyncio.sleep(60)

    async def main():
        for _ in range(background.RUNNING_AT_MOST):
            spend(monitor, clock, "20ms", "left")
        await asyncio.sleep(0)

    async def last():
        spend(monitor, clock, "20ms", "last")
        await asyncio.sleep(0)

    ran = []
    monitor = watched(on_slow=callback)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    asyncio.run(last())
    assert ran == ["left"] * background.RUNNING_AT_MOST + ["last"]
    gc.collect()  # asyncio complains of tasks that are destroyed; here, where nobody minds


def test_a_platform_without_threads_loses_only_the_callback(watched, clock, caplog, monkeypatch):
    """Where no thread can start, the complaint is logged and the call is fine."""

    def refuse(self):
        raise RuntimeError("can't start new thread")

    async def callback(event):
        pass

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monitor = watched(on_slow=callback)
    spend(monitor, clock, "20ms")
    assert monitor.get_stats("op").count == 1
    assert "can't start new thread" in caplog.text


def test_nothing_starts_a_thread_by_itself():
    """Making a monitor and using it leaves the program's threads as they were."""
    before = threading.active_count()
    monitor = PerformanceMonitor(on_slow=print)
    with monitor.track("op"):
        pass
    monitor.summary()
    assert threading.active_count() == before
