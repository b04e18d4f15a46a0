"""Exact counts whoever comes in between: threads, forks, signals, the garbage collector."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
from queue import SimpleQueue

import pytest

from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.ticker import Ticker

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
threads_beside_forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
needs_signals = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this platform has no interval timers"
)


def run_in_threads(work, count):
    """Run the function in so many threads at once, to their end."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_eight_threads_count_exactly():
    """Eight threads with 40,000 calls each are 320,000 calls, and a listener heard each."""
    monitor = PerformanceMonitor()
    heard = []
    monitor.subscribe(lambda _, durations, __: heard.append(len(durations)))
    timed = monitor.track_performance("op")(lambda: None)

    def work():
        for _ in range(20_000):
            timed()
            with monitor.track("op"):
                pass

    run_in_threads(work, 8)
    stats = monitor.get_stats("op")
    assert stats.count == 320_000
    assert sum(count for _, count in stats.bins) == 320_000
    assert sum(heard) == 320_000


def test_threads_that_switch_all_the_time_count_exactly(hasty_threads):
    """Successes, failures and reads of four threads that cut into each other lose nothing."""
    monitor = PerformanceMonitor()
    heard = []
    monitor.subscribe(lambda _, durations, errors: heard.append((len(durations), len(errors))))

    def work():
        for number in range(3000):
            with monitor.track("op"):
                pass
            monitor.record_metric("op", duration=1, success=False)
            if number % 100 == 0:
                monitor.get_stats("op")
                monitor.flush()

    run_in_threads(work, 4)
    stats = monitor.get_stats("op")
    assert (stats.success_count, stats.error_count) == (12_000, 12_000)
    assert sum(count for _, count in stats.bins) == 24_000
    assert [sum(column) for column in zip(*heard, strict=True)] == [24_000, 12_000]


def test_threads_that_meet_new_names_agree_on_them(hasty_threads):
    """Threads that use names for the first time at once lose no call and exceed no cap."""
    monitor = PerformanceMonitor(max_operations=50)

    def work():
        for number in range(200):
            with monitor.track(f"op.{number}"):
                pass

    run_in_threads(work, 4)
    assert monitor.summary().total == 800
    assert len(monitor.get_stats()) == 51


def test_a_garbage_collector_callback_may_track_during_a_fold():
    """A collection that starts inside a fold and tracks neither deadlocks nor loses a call."""
    monitor = PerformanceMonitor()
    collections = 0

    def callback(phase, info):
        nonlocal collections
        collections += 1
        for _ in range(300):
            with monitor.track("op"):
                pass

    def listener(operation, durations, error_types):
        gc.collect(0)

    monitor.subscribe(listener)
    gc.callbacks.append(callback)
    try:
        for _ in range(1000):
            with monitor.track("op"):
                pass
    finally:
        gc.callbacks.remove(callback)
    assert collections > 0
    assert monitor.get_stats("op").count == 1000 + 300 * collections


@needs_signals
def test_a_signal_handler_may_track_and_read_at_any_moment():
    """A handler that tracks, folds and reads between any two steps loses nothing."""
    monitor = PerformanceMonitor()
    handled = 0

    def handler(number, frame):
        nonlocal handled
        handled += 1
        for _ in range(300):
            with monitor.track("op"):
                pass
        monitor.get_stats("op")
        monitor.record_metric("op", duration=1, success=False)
        # one at a time, however slow tracing makes this
        signal.setitimer(signal.ITIMER_REAL, 0.0005)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    made = 0
    try:
        while handled < 100:
            with monitor.track("op"):
                pass
            made += 1
            if made % 1000 == 0:
                monitor.get_stats("op")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stats = monitor.get_stats("op")
    assert (stats.success_count, stats.error_count) == (made + 300 * handled, handled)
    assert sum(count for _, count in stats.bins) == stats.count


def test_a_handler_inside_every_step_of_a_fold_loses_nothing():
    """Whichever line of a fold or a read is interrupted by a call that folds, the count is exact.

    The trace function stands for a signal handler: it runs between any two lines.
    """
    monitor = PerformanceMonitor()
    tracked = 0

    def interrupt(frame, event, argument):
        nonlocal tracked
        if event == "line" and "operation.py" in frame.f_code.co_filename:
            sys.settrace(None)
            for _ in range(300):
                monitor.record_metric("op", duration=1)
            monitor.get_stats("op")
            tracked += 300
            sys.settrace(interrupt)
        return interrupt

    before = sys.gettrace()
    for _ in range(3):
        for _ in range(255):
            monitor.record_metric("op", duration=1)
        sys.settrace(interrupt)
        try:
            monitor.record_metric("op", duration=1)
            monitor.get_stats("op")
        finally:
            sys.settrace(before)
    assert tracked > 3000
    assert monitor.get_stats("op").count == tracked + 3 * 256


def test_a_handler_inside_any_step_of_a_merge_loses_nothing():
    """Whichever line of a merge is interrupted by calls that fold, each call is in a bin."""
    other = PerformanceMonitor()
    other.record("op", 900_000_000)
    snapshot = other.snapshot()
    steps = 0

    def interrupt(frame, event, argument):
        nonlocal lines
        if event == "line" and frame.f_code.co_filename.endswith(("operation.py", "histogram.py")):
            lines += 1
            if lines == steps:
                sys.settrace(None)
                for _ in range(300):
                    operation.succeeded(800_000_000)
        return interrupt

    before = sys.gettrace()
    while True:
        operation = (monitor := PerformanceMonitor()).operation("op")
        steps, lines = steps + 1, 0
        sys.settrace(interrupt)
        try:
            monitor.merge(snapshot)
        finally:
            sys.settrace(before)
        if lines < steps:
            break
        stats = monitor.get_stats("op")
        assert sum(count for _, count in stats.bins) == stats.count == 301, f"line {steps}"
    assert steps > 20


def test_a_handler_inside_any_step_of_a_reset_loses_no_call():
    """Calls that begin or end at whichever line of a reset are told to listeners, each once."""
    steps = 0

    def interrupt(frame, event, argument):
        nonlocal lines
        if event == "line" and "pytest_perfmon" in frame.f_code.co_filename:
            lines += 1
            if lines == steps:
                sys.settrace(None)
                span.__exit__(None, None, None)
                with monitor.track("op"):
                    pass
        return interrupt

    before = sys.gettrace()
    while True:
        monitor, heard = PerformanceMonitor(), []
        monitor.subscribe(lambda _, durations, __, heard=heard: heard.extend(durations))
        monitor.record("op", 1)
        span = monitor.track("op")
        span.__enter__()
        steps, lines = steps + 1, 0
        sys.settrace(interrupt)
        try:
            monitor.reset()
        finally:
            sys.settrace(before)
        if lines < steps:
            break
        monitor.flush()
        assert len(heard) == 3, f"line {steps}"
    assert steps > 20


def test_a_reset_inside_a_reset_leaves_what_was_counted_after_it():
    """Of two resets at the same time, the later end forgets nothing that came after the other."""

    def listener(*_):
        if not nested:
            nested.append(True)
            monitor.reset()
            timed()

    nested = []
    monitor = PerformanceMonitor()
    timed = monitor.track_performance("op")(lambda: None)
    monitor.subscribe(listener)
    timed()
    monitor.reset()
    timed()
    assert monitor.get_stats("op").count == 2


def in_child(work):
    """Run the function in a forked child; give what it returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = None
        try:
            answer = work()
        finally:
            os.write(writing, pickle.dumps(answer))
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    return answer


@needs_fork
@threads_beside_forks
def test_a_forked_child_can_be_used_at_once():
    """Whatever locks were held at the fork, the child tracks and reads; the parent stays exact."""
    monitor = PerformanceMonitor()
    for _ in range(10):
        with monitor.track("op"):
            pass
    inside, leave = threading.Event(), threading.Event()

    def listener(operation, durations, error_types):
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            leave.wait(10)

    def work():
        for name in ("op", "new"):
            for _ in range(1000):
                with monitor.track(name):
                    pass
        return monitor.get_stats("new").count, monitor.get_stats("op").count

    monitor.subscribe(listener)
    with monitor.track("op"):
        pass
    folding = threading.Thread(target=monitor.flush)
    folding.start()
    assert inside.wait(10)
    try:
        in_the_child = in_child(work)
    finally:
        leave.set()
        folding.join()
    assert in_the_child == (1000, 1011)
    assert monitor.get_stats("op").count == 11
    assert monitor.get_stats("new") is None


@needs_fork
@threads_beside_forks
def test_a_listener_may_fork():
    """A fork inside a fold leaves both processes working."""
    monitor = PerformanceMonitor()
    counted = []

    def count_one_more():
        monitor.record_metric("op", duration=1)
        return monitor.get_stats("op").count

    def listener(operation, durations, error_types):
        if not counted:
            counted.append(None)
            counted.append(in_child(count_one_more))

    monitor.subscribe(listener)
    monitor.record_metric("op", duration=1)
    assert monitor.get_stats("op").count == 1
    assert counted[1] == 2


@needs_fork
@threads_beside_forks
def test_counts_of_processes_add_up():
    """A child that starts anew and sends its snapshot back is added to the parent's counts."""
    monitor = PerformanceMonitor()
    monitor.record_metric("op", duration=1)

    def work():
        monitor.reset()
        monitor.record_metric("op", duration=3)
        return monitor.snapshot()

    monitor.merge(in_child(work))
    stats = monitor.get_stats("op")
    assert (stats.count, stats.avg) == (2, 2.0)


@needs_fork
@threads_beside_forks
def test_a_ticker_can_be_closed_in_a_forked_child():
    """Wherever the parent's ticking thread is at the fork, closing in the child does not hang."""
    inside, leave = threading.Event(), SimpleQueue()

    def trace(frame, event, _argument):
        if event == "line" and frame.f_code is threading.Condition.wait.__code__:
            inside.set()  # with the condition's lock held, if the thread uses one
            leave.get(timeout=10)
        return trace

    def work():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        ticker.close()
        signal.alarm(0)
        return "closed"

    def tick():
        inside.set()
        leave.get(timeout=10)

    threading.settrace(trace)
    try:
        ticker = Ticker(tick, 0.01, guard=Guard(LOGGER), name="perfmon-test")
    finally:
        threading.settrace(None)
    assert inside.wait(10)
    try:
        assert in_child(work) == "closed"
    finally:
        leave.put(None)
        ticker.close()
