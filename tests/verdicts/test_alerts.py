"""Alerts on edges, on figures and a clock that the tests script."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon import (
    Alert,
    AlertGate,
    BudgetViolation,
    CriticalPath,
    PerformanceBudget,
    PerformanceMonitor,
    UsageError,
)
from pytest_perfmon.model.verdict import Severity
from pytest_perfmon.testing import FakeClock
from pytest_perfmon.verdicts import alerts
from pytest_perfmon.verdicts.alerts import Edges


@dataclass(frozen=True, slots=True)
class Figures:
    """One operation whose every percentile is the same."""

    operation: str
    p95: float

    @property
    def p99(self):
        """As the p95."""
        return self.p95


class Source:
    """Operations with the figures that a test gives them; None where it gives none."""

    def __init__(self, **figures):
        self.figures = figures

    def get_stats(self, operation=None):
        """As a monitor does."""
        if operation is None:
            return [Figures(name, value) for name, value in self.figures.items()]
        value = self.figures.get(operation)
        return None if value is None else Figures(operation, value)


@pytest.fixture
def clock():
    """The clock of the cooldowns."""
    return FakeClock()


@pytest.fixture
def source():
    """What is checked: `login` at 100 ms."""
    return Source(login=100.0)


@pytest.fixture
def told():
    """The alerts that were told, by state and severity."""
    return []


@pytest.fixture
def check(clock, source, told):
    """Make one check of a critical path with a limit of 500 ms, with `login` so slow."""

    def tell(alert):
        told.append((alert.state, alert.severity))

    path = CriticalPath(["login", "never"], p99=500, on_alert=tell, clock_ns=clock.now_ns)

    def once(figure, after="10s"):
        source.figures["login"] = figure
        clock.advance(after)
        return path.check(source)

    return once


def test_a_slow_hour_is_one_message_and_its_end_another(check, told):
    """360 checks in a slow hour give one alert, and the first fast one after it the recovery."""
    for _ in range(360):
        check(600.0)
    for _ in range(360):
        check(100.0)
    assert told == [("raised", "warning"), ("recovered", "warning")]


def test_a_callback_that_raises_keeps_no_alert_from_the_others(clock, source):
    """All are told; what the callback raised comes afterwards."""
    told = []

    def tell(alert):
        told.append(alert.operation)
        raise OSError(alert.operation)

    path = CriticalPath(["login", "pay"], p99=500, on_alert=tell, clock_ns=clock.now_ns)
    source.figures.update(login=600.0, pay=700.0)
    with pytest.raises(OSError, match="pay"):
        path.check(source)
    assert told == ["login", "pay"]


def test_a_higher_severity_is_told_at_once_and_a_lower_one_is_not(check, told):
    """An alert that gets worse is told again, within its cooldown too; getting better is not."""
    for figure in (600.0, 1100.0, 1600.0, 600.0, 1600.0):
        check(figure)
    assert told == [("raised", "warning"), ("worse", "error"), ("worse", "critical")]


def test_flapping_is_told_once_a_cooldown(check, told):
    """An operation that goes to and fro for 600 seconds is raised twice, five minutes apart."""
    for _ in range(30):
        check(600.0)
        check(100.0)
    assert told == [("raised", "warning"), ("recovered", "warning")] * 2


def test_the_cooldown_begins_anew_with_the_recovery(check, told):
    """What was slow for an hour and comes back soon after its recovery waits for the cooldown."""
    check(600.0)
    check(600.0, after="60min")
    check(100.0)
    check(600.0)
    assert told == [("raised", "warning"), ("recovered", "warning")]


def test_what_stands_when_the_cooldown_ends_is_told_then(check, told):
    """A violation that came back too early to be told is told once its cooldown is over."""
    check(600.0)
    check(100.0)
    check(600.0)
    assert len(told) == 2
    check(600.0, after="5min")
    check(100.0)
    assert told[2:] == [("raised", "warning"), ("recovered", "warning")]


def test_what_nobody_calls_has_not_recovered(check, told):
    """Without figures, as after a reset, an alert stays up; figures within the limit end it."""
    check(600.0)
    check(None)
    assert len(told) == 1
    check(100.0)
    assert told[1:] == [("recovered", "warning")]


def test_check_gives_what_it_tells(check):
    """The alert has the operation, the figure, its limit and what became of them."""
    (raised,) = check(1600.0)
    (recovered,) = check(80.0)
    assert raised == Alert("login", "p99", 500.0, 1600.0, Severity.CRITICAL, "raised")
    assert recovered == Alert("login", "p99", 500.0, 80.0, Severity.CRITICAL, "recovered")
    assert raised.key == recovered.key == ("login", "p99", "500 ms")


def test_the_text_is_one_line_whatever_the_operation_is_called():
    """The figures are in the text with their units, and a line break in a name is escaped."""
    alert = Alert("a\nb", "p95", 50.0, 61.2, Severity.WARNING, "raised")
    assert alert.text == r"'a\nb' p95 61.2 ms > 50 ms (1.22x, warning, raised)"
    alert = Alert("a", "p99", 500.0, 80.0, Severity.ERROR, "recovered")
    assert alert.text == "'a' p99 80.0 ms is within 500 ms again (was error)"


def test_a_critical_path_reads_the_p99_of_a_monitor():
    """One call in fifty above the limit leaves the p95 within it and the p99 not."""
    monitor = PerformanceMonitor()
    for duration in [10.0] * 49 + [900.0]:
        monitor.record_metric("login", duration)
    assert PerformanceBudget(monitor, {"login": 500}).check() == []
    path = CriticalPath(["login"], p99="0.1s")
    (violation,) = path.violations(monitor)
    assert (violation.operation, violation.budget, violation.criterion) == ("login", 100.0, "p99")
    assert [alert.state for alert in path.check(monitor)] == ["raised"]


def test_budgets_go_through_the_same_gate(source, clock):
    """Violations of a budget are alerts once; each limit of an operation is one of its own."""
    gate = AlertGate(cooldown="1min", clock_ns=clock.now_ns)
    budget = PerformanceBudget(source, {"login": 40})
    more = BudgetViolation("login", 20.0, 100.0, Severity.CRITICAL, "p99")
    assert [alert.criterion for alert in gate.update([*budget.check(), more], source)] == [
        "p95",
        "p99",
    ]
    assert gate.update([*budget.check(), more], source) == []
    assert [alert.limit for alert in gate.update(budget.check(), source)] == [20.0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((["a"], 0), "p99 is 0"),
        (([], 500), "operations is empty"),
        (("auth.login", 500), "operations is 'auth.login': expected a list of names"),
    ],
)
def test_an_impossible_path_is_refused(arguments, complaint):
    """A limit that is none, no operation, and a bare name are usage errors that name the value."""
    operations, p99 = arguments
    with pytest.raises(UsageError, match=complaint):
        CriticalPath(operations, p99=p99)


def test_a_happening_is_over_a_cooldown_after_the_last(clock):
    """One that keeps happening is news once; after a quiet cooldown it is news again."""
    edges = Edges("1min", clock.now_ns)
    news = []
    for pause in ("1ns", "59s", "59s", "60s"):
        clock.advance(pause)
        news.append(edges.happens("op"))
    assert news == [True, False, False, True]
    assert edges.happens("op", rank=1)
    assert not edges.happens("op", rank=0)


def test_no_number_of_names_fills_the_memory(clock, monkeypatch):
    """The episode that was seen longest ago makes room for a new one."""
    monkeypatch.setattr(alerts, "EPISODES_KEPT", 2)
    edges = Edges("1min", clock.now_ns)
    assert [edges.happens(key) for key in ("a", "b", "a", "c", "a", "b")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


@given(
    st.lists(st.tuples(st.sampled_from([None, 100.0, 600.0, 1100.0, 1600.0]), st.integers(0, 200)))
)
def test_alerts_of_a_limit_alternate_and_are_few(history):
    """A recovery follows each raising before the next; in one cooldown there are four at most."""
    clock, source = FakeClock(), Source()
    path = CriticalPath(["login"], p99=500, cooldown="100s", clock_ns=clock.now_ns)
    up, raised = False, []
    for figure, seconds in history:
        clock.advance(seconds * 10**9)
        source.figures["login"] = figure
        for alert in path.check(source):
            assert (alert.state == "raised") is not up
            up = alert.state != "recovered"
            if up:
                raised.append((clock.time_ns, alert.severity))
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    for (earlier, before), (later, after) in pairwise(raised):
        assert later - earlier >= 100 * 10**9 or ranks[after] > ranks[before]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("kind", [Edges, AlertGate])
def test_a_fork_while_somebody_asks_leaves_the_child_working(kind):
    """A thread that was deciding at the fork does not hold up those who ask in the child."""
    inside, leave = threading.Event(), threading.Event()

    def clock_ns():
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            leave.wait(10)
        return 0

    def ask():
        if kind is Edges:
            asked.happens("thing")
        else:
            asked.update([BudgetViolation("op", 10.0, 20.0, Severity.ERROR, "p95")], Source())

    asked = kind(cooldown="1min", clock_ns=clock_ns)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert inside.wait(10)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(5)
            try:
                ask()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        leave.set()
        asking.join()
