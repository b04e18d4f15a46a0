"""What the stats endpoint shows of a monitor: aggregates, and the times of slow calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pytest_perfmon.model.verdict import Severity
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.retention import Slowness
from pytest_perfmon.monitor.stats import MonitorSummary, OperationStats, summarize
from pytest_perfmon.units import NS_PER_S
from pytest_perfmon.verdicts.performance_budget import PerformanceBudget
from pytest_perfmon.web.minutes import Interval, Minutes

NAME_SHOWN: Final = 200
SLOW_CALLS_SHOWN: Final = 10
VIEW_KEPT_NS: Final = NS_PER_S
REST_FOR_WORK: Final = 9

BudgetState = Literal["within", "never called"] | Severity


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget and how it stands.

    Attributes:
        operation: its name.
        budget: the limit on its p95, milliseconds.
        p95: milliseconds; None where it was never called.
        state: `within`, `never called`, or how far it is exceeded.
    """

    operation: str
    budget: float
    p95: float | None
    state: BudgetState

    @property
    def violated(self) -> bool:
        """Whether the p95 is above the budget."""
        return isinstance(self.state, Severity)


@dataclass(frozen=True, slots=True)
class SlowCall:
    """A call that reached a threshold: no metadata, no stack, no error.

    Attributes:
        operation: its name.
        duration: milliseconds.
        slowness: which threshold it reached.
        timestamp: when it ended, seconds since 1970 UTC.
    """

    operation: str
    duration: float
    slowness: Slowness
    timestamp: float


@dataclass(frozen=True, slots=True)
class View:
    """A monitor at one moment.

    Attributes:
        timestamp: seconds since 1970 UTC.
        now_ns: the same moment on the clock of the intervals.
        operations: those that took most time altogether first.
        summary: of all of them.
        budgets: violated ones first, in the order of their declaration.
        slow_calls: the newest first.
        intervals: the last minutes.
    """

    timestamp: float
    now_ns: int
    operations: tuple[OperationStats, ...]
    summary: MonitorSummary
    budgets: tuple[BudgetLine, ...]
    slow_calls: tuple[SlowCall, ...]
    intervals: tuple[Interval, ...]

    @property
    def violations(self) -> int:
        """How many budgets are exceeded."""
        return sum(line.violated for line in self.budgets)


class Viewer:
    """Gives views of a monitor, a new one at most every second, however many ask.

    A view that took long to make, of very many operations, is kept for nine times as long, so that
    looking takes at most a tenth of one core.

    While one thread makes a new view, others get the one before. There is no lock that a fork
    could leave closed.

    Raises:
        UsageError: for a budget that is none.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        budgets: Mapping[str, float | str],
        clock_ns: Callable[[], int],
    ) -> None:
        self._monitor = monitor
        self._budget = PerformanceBudget(monitor, budgets)
        self._clock_ns = clock_ns
        self._minutes = Minutes(monitor, clock_ns)
        self._view: View | None = None
        self._due_ns = 0

    def view(self) -> View:
        """Give the monitor as it is, or was a moment ago."""
        now_ns = self._clock_ns()
        view = self._view
        if view is None or now_ns >= self._due_ns:
            self._due_ns = now_ns + VIEW_KEPT_NS  # first, so that others go on with the old one
            view = self._view = self._look(now_ns)
            done_ns = self._clock_ns()
            self._due_ns = done_ns + max(VIEW_KEPT_NS, REST_FOR_WORK * (done_ns - now_ns))
        return view

    def _look(self, now_ns: int) -> View:
        self._minutes.follow()
        stats = self._monitor.get_stats()
        return View(
            timestamp=time.time(),
            now_ns=now_ns,
            operations=tuple(sorted(stats, key=lambda one: one.total_ns, reverse=True)),
            summary=summarize(stats),
            budgets=self._budget_lines({one.operation: one for one in stats}),
            slow_calls=self._slow_calls(),
            intervals=self._minutes.intervals(),
        )

    def _budget_lines(self, stats: Mapping[str, OperationStats]) -> tuple[BudgetLine, ...]:
        violations = {one.operation: one for one in self._budget.check()}
        lines = []
        for operation, limit in self._budget.limits.items():
            if (violation := violations.get(operation)) is not None:
                line = BudgetLine(operation, limit, violation.actual, violation.severity)
            elif (known := stats.get(operation)) is not None:
                line = BudgetLine(operation, limit, known.p95, "within")
            else:
                line = BudgetLine(operation, limit, None, "never called")
            lines.append(line)
        return tuple(sorted(lines, key=lambda one: not one.violated))

    def _slow_calls(self) -> tuple[SlowCall, ...]:
        slow = [
            SlowCall(event.operation, event.duration, event.slowness, event.timestamp)
            for event in reversed(self._monitor.events())
            if event.slowness is not None
        ]
        return tuple(slow[:SLOW_CALLS_SHOWN])


def shown(name: str) -> str:
    r"""Give an operation's name as it may be shown anywhere: at most 200 printable characters.

    Names can come from outside. Control and format characters and lone surrogates become escapes
    such as `\n`, so that none can hide, reverse its surroundings or break a reader.
    """
    text = name[:NAME_SHOWN]
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
        )
    return text if len(name) <= NAME_SHOWN else f"{text}…"
