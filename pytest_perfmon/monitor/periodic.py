"""The pattern's periodic reset: figures that speak of the last while, not of a whole life."""

from __future__ import annotations

from functools import partial

from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.scope import ScopedMonitor
from pytest_perfmon.monitor.ticker import Ticker
from pytest_perfmon.units import NS_PER_S, parse_cap_ns


class PeriodicReset(Ticker):
    """Resets a monitor again and again from a daemon thread, until it is closed.

    The memory of a monitor is bounded without it; this is for figures that follow what happens.
    Exporters of intervals lose nothing by it. A forked child has none until it makes its own.

    Args:
        monitor: a monitor, or one scope of it.
        every: the period, such as `"60min"`.
        pattern: a glob pattern; only operations whose name matches are forgotten.

    Raises:
        UsageError: for a period without a unit.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor | ScopedMonitor,
        *,
        every: str = "60min",
        pattern: str = "*",
    ) -> None:
        super().__init__(
            partial(monitor.reset, pattern),
            parse_cap_ns(every, "every") / NS_PER_S,
            guard=Guard(LOGGER),
            name="perfmon-reset",
        )
