"""Budgets of a running application, checked in the background: a source of alerts."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import overload

from pytest_perfmon.exporters.figures import Intervals
from pytest_perfmon.monitor.arguments import checked_count
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.stats import MonitorSnapshot, OperationStats
from pytest_perfmon.verdicts.alerts import COOLDOWN, Alert, AlertGate
from pytest_perfmon.verdicts.critical_path import CriticalPath
from pytest_perfmon.verdicts.performance_budget import PerformanceBudget


class AlertSource:
    """Judges what was called lately, each operation as soon as it has enough new calls.

    A source for a `BatchExporter`, whose interval is that of the checks: its backend is given an
    `Alert` when an operation leaves its limit, gets worse, or comes back. Each call is judged
    once, so a slow hour is over when calls are fast again, however long the monitor has lived.

    Args:
        monitor: what is watched, from now on.
        budgets: limits on the p95 by operation, as for `PerformanceBudget`.
        critical: limits on the p99; its own `on_alert` is not called from here.
        min_calls: so many new calls of an operation are judged together, at least.
        cooldown: as for `AlertGate`.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        *,
        budgets: Mapping[str, float | str] | None = None,
        critical: CriticalPath | None = None,
        min_calls: int = 20,
        cooldown: str = COOLDOWN,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        names = {*(budgets or ()), *(critical.operations if critical is not None else ())}
        self._recent = _Recent(checked_count(min_calls, "min_calls"), names)
        self._budget = PerformanceBudget(self._recent, budgets or {})
        self._critical = critical
        self._new_gate = partial(AlertGate, cooldown=cooldown, clock_ns=clock_ns)
        self._gate = self._new_gate()
        self._intervals = Intervals(monitor)

    def take(self) -> Sequence[Alert]:
        """Check now; gives what is news."""
        self._recent.add(self._intervals.take())
        violations = self._budget.check()
        if self._critical is not None:
            violations += self._critical.violations(self._recent)
        alerts = self._gate.update(violations, self._recent)
        self._recent.forget_judged()
        return alerts

    def start_in_child(self) -> None:
        """Leave, in a forked child, what was called up to now to the parent."""
        self._intervals.start_in_child()
        self._recent.forget()
        self._gate = self._new_gate()  # what stands is the parent's to tell

    def close(self) -> None:
        """Watch the monitor no longer."""
        self._intervals.close()


class _Recent:
    """The calls that have not been judged yet; shows operations that have enough of them."""

    def __init__(self, min_calls: int, names: Collection[str]) -> None:
        self._min_calls = min_calls
        self._names = names
        self._counted = PerformanceMonitor(max_metrics_per_operation=1)

    def add(self, interval: Sequence[OperationStats]) -> None:
        judged = tuple(stats for stats in interval if stats.operation in self._names)
        self._counted.merge(MonitorSnapshot(judged))

    def forget_judged(self) -> None:
        for stats in self.get_stats():
            self._counted.reset(glob.escape(stats.operation))

    def forget(self) -> None:
        self._counted.reset()

    @overload
    def get_stats(self) -> Sequence[OperationStats]: ...
    @overload
    def get_stats(self, operation: str) -> OperationStats | None: ...
    def get_stats(
        self, operation: str | None = None
    ) -> Sequence[OperationStats] | OperationStats | None:
        if operation is None:
            return [one for one in self._counted.get_stats() if one.count >= self._min_calls]
        stats = self._counted.get_stats(operation)
        return stats if stats is not None and stats.count >= self._min_calls else None
