"""Threads, tasks, forks, signals, the garbage collector and floods: counts stay exact."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import pytest

from pytest_perfmon.monitor.ambient import current_monitor, set_process_monitor, track_performance
from pytest_perfmon.monitor.core import PerformanceMonitor

THREADS = 8
EACH = 100_000


@pytest.mark.slow
def test_eight_threads_lose_no_call():
    """8 threads with 100,000 calls each, through spans and decorator, are counted to the last."""
    monitor = PerformanceMonitor()
    decorated = monitor.track_performance("decorated")(lambda: None)
    start = threading.Barrier(THREADS)

    def work():
        start.wait()
        for _ in range(EACH // 2):
            with monitor.track("span"):
                pass
            decorated()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor.get_stats("span").count == THREADS * EACH // 2
    assert monitor.get_stats("decorated").count == THREADS * EACH // 2


def test_spans_nest_and_recur(monitor, clock):
    """A span inside one of the same name is a call of its own, and each has its own time."""

    def recur(depth: int) -> None:
        with monitor.track("recur"):
            clock.advance("1ms")
            if depth:
                recur(depth - 1)

    with monitor.track("outer"):
        recur(4)
    stats = monitor.get_stats("recur")
    assert (stats.count, stats.min, stats.max) == (5, 1.0, 5.0)
    assert monitor.get_stats("outer").max == 5.0


def test_a_span_may_end_in_another_task_or_thread(monitor, clock):
    """What entered a span and what leaves it may be different tasks and threads."""

    async def run() -> None:
        span = monitor.track("op")
        span.__enter__()
        clock.advance("2ms")

        async def leave() -> None:
            span.__exit__(None, None, None)

        await asyncio.create_task(leave())

    asyncio.run(run())
    span = monitor.track("op").__enter__()
    clock.advance("4ms")
    thread = threading.Thread(target=span.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert (monitor.get_stats("op").count, monitor.get_stats("op").max) == (2, 4.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_counts_on(monitor, clock):
    """While another thread holds a fold's lock, a fork's child can count; the parent is exact."""
    operation_held, release = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        operation_held.set()
        release.wait(10)

    monitor.subscribe(hold)
    with monitor.track("op"):
        clock.advance(5)
    holder = threading.Thread(target=monitor.flush)
    holder.start()
    assert operation_held.wait(10)
    child = os.fork()
    if child == 0:
        release.set()
        monitor.record_metric("child", duration=1.0)
        counted = monitor.get_stats("child")
        os._exit(0 if counted is not None and counted.count == 1 else 1)
    release.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
    assert monitor.get_stats("op").count == 1
    assert monitor.get_stats("child") is None


def test_a_garbage_collection_in_a_fold_may_track(monitor):
    """A gc callback that tracks, at every collection there is, neither hangs nor is lost."""
    collections = 0

    def callback(phase: str, _info: object) -> None:
        nonlocal collections
        if phase == "stop":
            collections += 1
            with monitor.track("gc"):
                pass

    monitor.subscribe(lambda *_: gc.collect())
    gc.callbacks.append(callback)
    try:
        for _ in range(2000):
            with monitor.track("op"):
                pass
        monitor.flush()
    finally:
        gc.callbacks.remove(callback)
    assert collections > 1
    assert monitor.get_stats("op").count == 2000
    assert monitor.get_stats("gc").count == collections


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_a_signal_handler_may_track_at_any_moment():
    """A handler that tracks what the interrupted code tracks neither deadlocks nor loses a call."""
    monitor = PerformanceMonitor()
    handled = 0

    def handler(_signum: int, _frame: object) -> None:
        nonlocal handled
        handled += 1
        with monitor.track("op"):
            pass

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    made = 0
    try:
        while handled < 100:
            with monitor.track("op"):
                made += 1
            monitor.get_stats("op")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert monitor.get_stats("op").count == made + handled


def test_names_are_a_flood_that_stays_in_its_bed(caplog):
    """10,000 names at a cap of 2,000: all calls count, the surplus under one name; one warning."""
    monitor = PerformanceMonitor(max_operations=2000)
    with caplog.at_level(logging.WARNING, logger="pytest_perfmon"):
        for number in range(10_000):
            with monitor.track(f"name {number}"):
                pass
    stats = monitor.get_stats()
    assert len(stats) == 2001
    assert monitor.get_stats("__other__").count == 8000
    assert sum(one.count for one in stats) == 10_000
    assert len(caplog.records) == 1


@pytest.mark.slow
def test_memory_is_bounded_as_promised():
    """A million calls of one operation, and 10,000 names, stay within the documented bound."""
    settings = {"max_metrics_per_operation": 1000, "max_operations": 2000}
    for number in range(100):
        PerformanceMonitor().record_metric(f"warm {number}", duration=1.0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        monitor = PerformanceMonitor(**settings)
        for number in range(1_000_000):
            monitor.record_metric("one", duration=0.001 * (1 + number % 997))
        monitor.flush()
        gc.collect()
        one = tracemalloc.get_traced_memory()[0] - before
        for number in range(10_000):
            monitor.record_metric(f"name {number}", duration=1.0)
        monitor.flush()
        gc.collect()
        many = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    per_operation = 2 * 8 * 1000 + 90_000
    assert monitor.get_stats("one").count == 1_000_000
    assert one < per_operation + 100_000
    assert many < 2001 * 8_000


def test_a_coroutine_is_timed_to_its_end(monitor, clock):
    """A decorated coroutine that takes 50 ms is recorded as 50 ms, not as its creation."""

    @monitor.track_performance("slow")
    async def slow() -> str:
        await asyncio.sleep(0)
        clock.advance("50ms")
        return "done"

    assert asyncio.run(slow()) == "done"
    assert monitor.get_stats("slow").max == 50.0


def test_generators_are_timed_to_exhaustion(monitor, clock):
    """A generator's call lasts from its first step to its last, and hands values through."""

    @monitor.track_performance("numbers")
    def numbers():
        clock.advance("1ms")
        received = yield 1
        clock.advance("1ms")
        yield received

    generator = numbers()
    assert next(generator) == 1
    assert generator.send("sent") == "sent"
    with pytest.raises(StopIteration):
        next(generator)
    assert monitor.get_stats("numbers").max == 2.0

    @monitor.track_performance("asynchronous")
    async def asynchronous():
        clock.advance("3ms")
        yield 1

    async def consume() -> list[int]:
        return [value async for value in asynchronous()]

    assert asyncio.run(consume()) == [1]
    assert monitor.get_stats("asynchronous").max == 3.0


def test_errors_and_cancellations_are_counted_apart(monitor):
    """A failure goes on unchanged and is counted by its type; a cancelled task is no failure."""
    error = KeyError("x")
    with pytest.raises(KeyError) as caught, monitor.track("op"):
        raise error
    assert caught.value is error

    async def run() -> None:
        async def forever() -> None:
            with monitor.track("op"):
                await asyncio.Event().wait()

        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    stats = monitor.get_stats("op")
    assert (stats.error_count, stats.cancelled_count) == (1, 1)
    assert stats.errors_by_type == {"KeyError": 1}


def test_slow_calls_are_told_and_never_hurt(clock, caplog):
    """Slow callbacks get the event, very slow ones too; what they raise is logged once, no more."""
    heard = []

    def fails(_event: object) -> None:
        raise RuntimeError("callback")

    monitor = PerformanceMonitor(
        slow_threshold=10,
        very_slow_threshold=100,
        on_slow=fails,
        on_very_slow=heard.append,
        capture_stack="very_slow",
        clock_ns=clock.now_ns,
    )
    with caplog.at_level(logging.WARNING, logger="pytest_perfmon"):
        for duration in ("5ms", "20ms", "200ms"):
            with monitor.track("op", {"table": "users"}):
                clock.advance(duration)
    assert [event.duration for event in heard] == [200.0]
    assert heard[0].stack
    assert sum("callback" in (record.exc_text or "") for record in caplog.records) <= 1
    assert monitor.get_stats("op").count == 3


def test_an_async_callback_is_run_and_waited_for_by_nobody(clock):
    """A coroutine function as callback runs on the running loop; the caller goes on."""
    heard = []

    async def on_slow(event: object) -> None:
        await asyncio.sleep(0)
        heard.append(event)

    monitor = PerformanceMonitor(slow_threshold=10, on_slow=on_slow, clock_ns=clock.now_ns)

    async def run() -> None:
        with monitor.track("op"):
            clock.advance("20ms")
        assert heard == []
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(heard) == 1

    asyncio.run(run())


def test_an_async_callback_outside_a_loop_is_run_too(clock):
    """Without a running loop, a coroutine callback runs in the background."""
    done = threading.Event()

    async def on_slow(_event: object) -> None:
        done.set()

    monitor = PerformanceMonitor(slow_threshold=10, on_slow=on_slow, clock_ns=clock.now_ns)
    with monitor.track("op"):
        clock.advance("20ms")
    assert done.wait(10)


def test_the_ambient_monitor_is_found_at_call_time(monitor):
    """A decorated function reports to whoever is ambient when it is called; tasks inherit that."""

    @track_performance("work")
    def work() -> None:
        """Do nothing."""

    inner = PerformanceMonitor()
    previous = set_process_monitor(monitor)
    try:
        work()
        with inner.activate():
            assert current_monitor() is inner
            work()

            async def run() -> None:
                await asyncio.create_task(in_task())

            async def in_task() -> None:
                work()

            asyncio.run(run())
    finally:
        assert set_process_monitor(previous) is monitor
    assert monitor.get_stats("work").count == 1
    assert inner.get_stats("work").count == 2


def test_a_scope_is_a_view(monitor, clock):
    """A scope records under its name and a dot, and sees only what is below that."""
    api = monitor.scope("api")
    with api.track("users.list"):
        clock.advance("3ms")
    monitor.record_metric("database.query", duration=1.0)
    assert [one.operation for one in api.get_stats()] == ["api.users.list"]
    assert monitor.get_stats("api.users.list").max == 3.0


def test_snapshots_of_processes_add_up(monitor, clock):
    """Merging another process's snapshot adds its counts, errors and extremes."""
    other = PerformanceMonitor(clock_ns=clock.now_ns)
    for target, duration in ((monitor, "1ms"), (other, "9ms")):
        with target.track("op"):
            clock.advance(duration)
    other.record_metric("op", duration=2.0, success=False)
    monitor.merge(other.snapshot())
    stats = monitor.get_stats("op")
    assert (stats.count, stats.error_count, stats.min, stats.max) == (3, 1, 1.0, 9.0)


def test_importing_the_monitor_loads_nothing_heavy():
    """A program that only monitors loads neither pytest nor numpy, asyncio or sqlite3."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # coverage may be there already
        "from pytest_perfmon import PerformanceMonitor, track_performance\n"
        "PerformanceMonitor().record_metric('op', duration=1.0)\n"
        "print(sorted({'pytest', 'numpy', 'asyncio', 'sqlite3', 'tabulate', 'jinja2'}"
        " & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_default_clock_is_the_performance_counter():
    """Without a clock of the user's, durations are those of `time.perf_counter_ns`."""
    monitor = PerformanceMonitor()
    before = time.perf_counter_ns()
    with monitor.track("op"):
        pass
    spent_ms = (time.perf_counter_ns() - before) / 1e6
    assert 0 <= monitor.get_stats("op").max <= spent_ms
