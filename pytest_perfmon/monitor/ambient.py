"""The monitor that code reports to when nobody handed it one."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.core import PerformanceMonitor, override
from pytest_perfmon.monitor.decorator import time_calls, time_function_anywhere
from pytest_perfmon.monitor.operation import Operation
from pytest_perfmon.monitor.span import Span

P = ParamSpec("P")
R = TypeVar("R")

_process_monitor = PerformanceMonitor()


def current_monitor() -> PerformanceMonitor:
    """Give the monitor activated in this context, else the process-wide one."""
    return override.get() or _process_monitor


def checked_monitor(monitor: PerformanceMonitor | None) -> PerformanceMonitor | None:
    """Give an argument back: a monitor, or None for whichever is ambient.

    Raises:
        UsageError: for anything else.
    """
    if monitor is None or isinstance(monitor, PerformanceMonitor):
        return monitor
    raise UsageError(f"monitor is {monitor!r}: expected a PerformanceMonitor or None")


def set_process_monitor(monitor: PerformanceMonitor) -> PerformanceMonitor:
    """Make the monitor the process-wide one, for all threads; gives the one it was before."""
    global _process_monitor
    previous, _process_monitor = _process_monitor, monitor
    return previous


def track_performance(
    operation: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that each call is timed by whichever monitor is ambient then.

    Works on plain functions, `async def`, generators and async generators, and on methods.
    Without a name the operation is the function's module and qualified name.

    Raises:
        UsageError: at decoration, for what is no function.
    """
    return time_calls(
        operation, _track, lambda fn, name: time_function_anywhere(fn, checked_name(name), _find)
    )


def _track(operation: str) -> Span:
    return current_monitor().track(operation)


def _find(name: str) -> Operation | None:
    return (override.get() or _process_monitor).operation(name)
