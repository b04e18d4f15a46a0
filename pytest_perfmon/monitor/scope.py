"""A view of a monitor in which every name starts with the same prefix."""

from __future__ import annotations

import glob
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.operation import Metadata
from pytest_perfmon.monitor.span import Span, Timer
from pytest_perfmon.monitor.stats import MonitorSummary, OperationStats, summarize

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor

P = ParamSpec("P")
R = TypeVar("R")


class ScopedMonitor:
    """What `monitor.scope("api")` gives: `track("users.list")` is recorded as `api.users.list`.

    It holds nothing of its own; the monitor's limits, callbacks and settings apply.
    """

    __slots__ = ("_monitor", "_prefix")

    def __init__(self, monitor: PerformanceMonitor, prefix: str) -> None:
        self._monitor = monitor
        self._prefix = f"{checked_name(prefix)}."

    @property
    def name(self) -> str:
        """The prefix, without its final dot."""
        return self._prefix[:-1]

    def track(self, operation: str, metadata: Metadata | None = None) -> Span:
        """As `PerformanceMonitor.track`, under the prefixed name."""
        return self._monitor.track(self._prefix + operation, metadata)

    def track_operation(
        self,
        operation: str,
        fn: Callable[..., R],
        /,
        *args: Any,
        metadata: Metadata | None = None,
        **kwargs: Any,
    ) -> R:
        """As `PerformanceMonitor.track_operation`, under the prefixed name."""
        return self._monitor.track_operation(
            self._prefix + operation, fn, *args, metadata=metadata, **kwargs
        )

    def track_performance(self, operation: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """As `PerformanceMonitor.track_performance`, under the prefixed name."""
        return self._monitor.track_performance(self._prefix + operation)

    def record_metric(
        self,
        operation: str,
        duration: float,
        *,
        success: bool = True,
        metadata: Metadata | None = None,
    ) -> None:
        """As `PerformanceMonitor.record_metric`, under the prefixed name."""
        self._monitor.record_metric(
            self._prefix + operation, duration, success=success, metadata=metadata
        )

    def start_timer(self) -> Timer:
        """As `PerformanceMonitor.start_timer`."""
        return self._monitor.start_timer()

    def scope(self, name: str) -> ScopedMonitor:
        """Give the scope inside this one: `api` and `v1` make `api.v1`."""
        return ScopedMonitor(self._monitor, self._prefix + checked_name(name))

    @overload
    def get_stats(self) -> list[OperationStats]: ...
    @overload
    def get_stats(self, operation: str) -> OperationStats | None: ...
    def get_stats(
        self, operation: str | None = None
    ) -> list[OperationStats] | OperationStats | None:
        """Give the figures of one operation of this scope, or a list of all of them."""
        if operation is not None:
            return self._monitor.get_stats(self._prefix + operation)
        return self._monitor.stats_matching(glob.escape(self._prefix) + "*")

    def summary(self) -> MonitorSummary:
        """Sum up this scope's operations."""
        return summarize(self.get_stats())

    def reset(self, pattern: str = "*") -> None:
        """Forget this scope's operations that match the glob pattern."""
        self._monitor.reset(glob.escape(self._prefix) + pattern)
