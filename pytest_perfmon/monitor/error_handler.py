"""The pattern's monitored error handling: an error is reported with how long its call took."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.scope import ScopedMonitor
from pytest_perfmon.units import NS_PER_MS, parse_limit_ns

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """What a report says of the call that failed.

    Attributes:
        operation: what it was tracked as.
        duration: milliseconds until it failed.
        performance: `slow` where that is above the handler's threshold, else `normal`.
    """

    operation: str
    duration: float
    performance: Literal["slow", "normal"]


class MonitoredErrorHandler:
    """Tracks calls, and reports those that fail with their performance.

    Args:
        monitor: where calls are counted, failures under their error type.
        report: called with each error and its context, such as `SentryReporter.capture_error`;
            what it raises is logged once and hides nothing.
        slow_threshold: from here on a failed call was slow, milliseconds or a text with a unit.

    Raises:
        UsageError: for a threshold that is none.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor | ScopedMonitor,
        report: Callable[[Exception, ErrorContext], object],
        *,
        slow_threshold: float | str = 1000,
    ) -> None:
        self._monitor = monitor
        self._report = report
        self._slow_ms = parse_limit_ns(slow_threshold, "slow_threshold") / NS_PER_MS
        self._guard = Guard(LOGGER)

    def handle(self, operation: str, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
        """Call the function as one call of the operation, and give its result.

        Where the result is awaitable, a coroutine is given that awaits it, as by
        `PerformanceMonitor.track_operation`. An error is counted, reported and raised unchanged;
        a cancellation is no `Exception` and is not reported.
        """
        timer = self._monitor.start_timer()
        try:
            result = self._monitor.track_operation(operation, fn, *args, **kwargs)
        except Exception as error:
            self._tell(error, operation, timer.stop())
            raise
        if hasattr(result, "__await__"):
            return cast("R", self._awaited(operation, cast("Awaitable[Any]", result)))
        return result

    async def _awaited(self, operation: str, awaitable: Awaitable[R]) -> R:
        timer = self._monitor.start_timer()
        try:
            return await awaitable
        except Exception as error:
            self._tell(error, operation, timer.stop())
            raise

    def _tell(self, error: Exception, operation: str, duration: float) -> None:
        slow = duration > self._slow_ms
        context = ErrorContext(operation, duration, "slow" if slow else "normal")
        self._guard.call(self._report, error, context)
