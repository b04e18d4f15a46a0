"""The pattern's periodic reset: figures that speak of the last while, not of a whole life."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, Self

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.scope import ScopedMonitor
from pytest_perfmon.units import NS_PER_MS, parse_cap_ns

_NS_PER_S: Final = 1000 * NS_PER_MS


class PeriodicReset:
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
        self._monitor = monitor
        self._every_s = parse_cap_ns(every, "every") / _NS_PER_S
        self._pattern = pattern
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="perfmon-reset", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Reset no more; may be called again."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            self._monitor.reset(self._pattern)
