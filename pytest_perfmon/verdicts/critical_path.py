"""The pattern's critical paths: the operations that users wait for, watched at their p99."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from pytest_perfmon.errors import UsageError
from pytest_perfmon.units import NS_PER_MS, parse_limit_ns
from pytest_perfmon.verdicts.alerts import COOLDOWN, Alert, AlertGate
from pytest_perfmon.verdicts.live import StatsSource
from pytest_perfmon.verdicts.performance_budget import BudgetViolation, violations_of


class CriticalPath:
    """One limit on the p99 of each operation that matters most, with an alert at once.

    Args:
        operations: their names.
        p99: the limit, milliseconds as a number, or a text with its unit (`"0.5s"`).
        on_alert: called by `check` with each new `Alert`; what it raises goes to the caller once
            all are told.
        cooldown: how long after an alert the same operation must not raise another one, unless
            its severity rises.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Raises:
        UsageError: for a limit or cooldown that is none, and where there is no operation.
    """

    def __init__(
        self,
        operations: Iterable[str],
        *,
        p99: float | str,
        on_alert: Callable[[Alert], object] | None = None,
        cooldown: str = COOLDOWN,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if isinstance(operations, str):
            raise UsageError(f"operations is {operations!r}: expected a list of names")
        limit = parse_limit_ns(p99, "p99") / NS_PER_MS
        self._limits = dict.fromkeys(operations, limit)
        if not self._limits:
            raise UsageError("operations is empty: expected at least one name")
        self._on_alert = on_alert
        self._gate = AlertGate(cooldown=cooldown, clock_ns=clock_ns)

    def violations(self, monitor: StatsSource) -> list[BudgetViolation]:
        """Give the operations above the limit now, whatever was told before."""
        return violations_of(monitor, self._limits, "p99")

    def check(self, monitor: StatsSource) -> list[Alert]:
        """Give, and tell, what has changed since the last check: a slow hour is one alert."""
        alerts = self._gate.update(self.violations(monitor), monitor)
        if self._on_alert is not None:
            with ExitStack() as telling:
                for alert in reversed(alerts):
                    telling.callback(self._on_alert, alert)
        return alerts

    @property
    def operations(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._limits)
