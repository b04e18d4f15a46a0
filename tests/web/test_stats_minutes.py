"""The last minutes: what is kept of them, how they are drawn, and that memory stays bounded."""

from __future__ import annotations

import gc
import threading

import pytest

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.testing import FakeClock
from pytest_perfmon.web import minutes as module
from pytest_perfmon.web.minutes import INTERVAL_NS, INTERVALS_KEPT, OPERATIONS_KEPT, Minutes
from pytest_perfmon.web.sparkline import HEIGHT, WIDTH, sparkline_of

MS = 1_000_000


@pytest.fixture
def clock():
    """The clock of the intervals."""
    return FakeClock()


@pytest.fixture
def monitor():
    """The monitor that is looked at."""
    return PerformanceMonitor()


@pytest.fixture
def minutes(monitor, clock):
    """Intervals after their first look."""
    looked = Minutes(monitor, clock.now_ns)
    looked.look()
    return looked


def pass_interval(minutes, clock):
    """Let an interval pass and look."""
    clock.advance(INTERVAL_NS)
    minutes.look()


def p95s(minutes, operation="db"):
    """Give an operation's p95 of each interval in whole milliseconds, None where it had none."""
    values = [one.p95_ns.get(operation) for one in minutes.intervals()]
    return [None if value is None else round(value / MS) for value in values]


def test_an_interval_holds_what_happened_in_it(minutes, monitor, clock):
    """Each interval's p95 is that of its own calls, within the histogram's 1.1 %."""
    for duration in (10, 20, 30):
        monitor.record_metric("db", duration)
        pass_interval(minutes, clock)
    assert p95s(minutes) == [10, 20, 30]


def test_what_was_before_the_first_look_is_in_no_interval(monitor, clock):
    """Calls of an unknown time are not drawn as if they had just happened."""
    monitor.record_metric("db", 10)
    minutes = Minutes(monitor, clock.now_ns)
    minutes.look()
    pass_interval(minutes, clock)
    assert p95s(minutes) == [None]


def test_an_interval_is_not_cut_short(minutes, monitor, clock):
    """A look that comes early changes nothing."""
    monitor.record_metric("db", 10)
    clock.advance(INTERVAL_NS - 1)
    minutes.look()
    assert minutes.intervals() == ()


@pytest.mark.parametrize("after", [7, 10])
def test_a_reset_starts_anew(minutes, monitor, clock, after):
    """After a reset what is counted since is the interval, whatever it resembles."""
    for _ in range(3):
        monitor.record_metric("db", 10)
    pass_interval(minutes, clock)
    monitor.reset()
    monitor.record_metric("db", after)
    pass_interval(minutes, clock)
    assert p95s(minutes) == [10, after]


def test_a_reset_is_seen_by_what_is_no_longer_there(minutes, monitor, clock):
    """Durations that were counted before and are not any more mean that nothing may be deducted."""
    for duration in (10, 10, 10, 500):
        monitor.record_metric("db", duration)
    pass_interval(minutes, clock)
    monitor.reset()
    for duration in [7] * 20 + [10] * 4:
        monitor.record_metric("db", duration)
    pass_interval(minutes, clock)
    assert p95s(minutes)[-1] == 10


def test_ten_minutes_are_kept(minutes, monitor, clock):
    """Intervals beyond the last ten minutes are forgotten, also where nobody looked since."""
    for _ in range(INTERVALS_KEPT + 5):
        monitor.record_metric("db", 10)
        pass_interval(minutes, clock)
    assert len(minutes.intervals()) == INTERVALS_KEPT
    clock.advance(INTERVAL_NS * INTERVALS_KEPT)
    assert minutes.intervals() == ()


def test_only_so_many_operations_are_followed(minutes, monitor, clock):
    """Of more operations than are followed, those with most time are; a newcomer waits a turn."""
    for number in range(OPERATIONS_KEPT + 50):
        monitor.record_metric(f"op{number}", number + 1)
    pass_interval(minutes, clock)
    (interval,) = minutes.intervals()
    assert len(interval.p95_ns) == OPERATIONS_KEPT
    assert "op0" not in interval.p95_ns
    monitor.record_metric("op0", 10_000)
    pass_interval(minutes, clock)
    assert minutes.intervals()[-1].p95_ns == {}


def test_following_goes_on_by_itself_and_ends_with_its_object(minutes, monitor, monkeypatch):
    """A daemon thread looks on at even intervals, and is gone once nobody holds the intervals."""
    monkeypatch.setattr(module, "INTERVAL_NS", 1000)
    looked = threading.Event()
    monkeypatch.setattr(Minutes, "look", lambda _self: looked.set())
    others = set(threading.enumerate())
    followed = Minutes(monitor, lambda: 0)
    followed.follow()
    looked.clear()
    (thread,) = set(threading.enumerate()) - others
    assert thread.name == "perfmon-minutes"
    assert thread.daemon
    assert looked.wait(10)
    del followed
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_following_starts_one_thread_a_process(minutes, monkeypatch):
    """However often it is asked for, a process has one thread; a forked child gets its own."""
    started = []
    monkeypatch.setattr(module, "_look_on", started.append)
    minutes.follow()
    minutes.follow()
    assert len(started) == 1
    monkeypatch.setattr(module.os, "getpid", lambda: -1)
    minutes.follow()
    assert len(started) == 2


def test_without_threads_each_look_is_taken_by_who_follows(minutes, monitor, clock, monkeypatch):
    """Where no thread can start, following is no error, and intervals are kept all the same."""

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    minutes.follow()
    monitor.record_metric("op", 10)
    clock.advance(INTERVAL_NS)
    minutes.follow()
    (interval,) = minutes.intervals()
    assert "op" in interval.p95_ns


class TestSparkline:
    """The line."""

    def line(self, minutes, clock, limit_ms=None):
        """Draw the line of `db`."""
        limit_ns = None if limit_ms is None else limit_ms * MS
        return sparkline_of("db", minutes.intervals(), now_ns=clock.time_ns, limit_ns=limit_ns)

    def test_an_operation_without_calls_has_no_line(self, minutes, clock):
        """Nothing to draw is None."""
        assert self.line(minutes, clock) is None

    def test_now_is_at_the_right_and_zero_at_the_bottom(self, minutes, monitor, clock):
        """The newest interval ends at the right edge, the highest value touches the top."""
        for duration in (50, 100):
            monitor.record_metric("db", duration)
            pass_interval(minutes, clock)
        line = self.line(minutes, clock)
        step = WIDTH / INTERVALS_KEPT
        assert line.path == f"M{WIDTH - step:.1f} {HEIGHT / 2}h0L{WIDTH:.1f} 0.0"
        assert line.limit_y is None
        assert round(line.latest_ns / MS) == round(line.highest_ns / MS) == 100

    def test_silence_is_a_gap(self, minutes, monitor, clock):
        """An interval without calls breaks the line instead of being bridged."""
        monitor.record_metric("db", 50)
        pass_interval(minutes, clock)
        pass_interval(minutes, clock)
        monitor.record_metric("db", 50)
        pass_interval(minutes, clock)
        assert self.line(minutes, clock).path.count("M") == 2

    def test_a_budget_above_the_line_sets_its_scale(self, minutes, monitor, clock):
        """A budget far above the values lies at the top, and the line near the bottom."""
        monitor.record_metric("db", 10)
        pass_interval(minutes, clock)
        line = self.line(minutes, clock, limit_ms=100)
        assert line.limit_y == 0
        assert line.path == f"M{WIDTH:.1f} {HEIGHT * 0.9:.1f}h0"

    def test_durations_of_zero_have_a_line(self, minutes, monitor, clock):
        """Calls that took no time at all lie on the bottom."""
        monitor.record_metric("db", 0)
        pass_interval(minutes, clock)
        assert self.line(minutes, clock).path == f"M{WIDTH:.1f} {float(HEIGHT)}h0"
