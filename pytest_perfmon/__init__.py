"""Tell whether code got slower: a performance monitor, and the pytest plugin above it.

Importing this package loads neither pytest nor numpy; names are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_perfmon.errors import PerfmonError, UsageError
    from pytest_perfmon.monitor.ambient import current_monitor, track_performance
    from pytest_perfmon.monitor.cached import CachedOperationMonitor
    from pytest_perfmon.monitor.core import PerformanceMonitor
    from pytest_perfmon.monitor.error_handler import ErrorContext, MonitoredErrorHandler
    from pytest_perfmon.monitor.periodic import PeriodicReset
    from pytest_perfmon.monitor.scope import ScopedMonitor
    from pytest_perfmon.verdicts.adaptive import AdaptiveThresholds
    from pytest_perfmon.verdicts.alerts import Alert, AlertGate
    from pytest_perfmon.verdicts.critical_path import CriticalPath
    from pytest_perfmon.verdicts.performance_budget import BudgetViolation, PerformanceBudget
    from pytest_perfmon.verdicts.trends import PerformanceTrends

__all__ = [
    "AdaptiveThresholds",
    "Alert",
    "AlertGate",
    "BudgetViolation",
    "CachedOperationMonitor",
    "CriticalPath",
    "ErrorContext",
    "MonitoredErrorHandler",
    "PerfmonError",
    "PerformanceBudget",
    "PerformanceMonitor",
    "PerformanceTrends",
    "PeriodicReset",
    "ScopedMonitor",
    "UsageError",
    "__version__",
    "current_monitor",
    "track_performance",
]

_HOMES = {
    "AdaptiveThresholds": "verdicts.adaptive",
    "Alert": "verdicts.alerts",
    "AlertGate": "verdicts.alerts",
    "BudgetViolation": "verdicts.performance_budget",
    "CachedOperationMonitor": "monitor.cached",
    "CriticalPath": "verdicts.critical_path",
    "ErrorContext": "monitor.error_handler",
    "MonitoredErrorHandler": "monitor.error_handler",
    "PerfmonError": "errors",
    "PerformanceBudget": "verdicts.performance_budget",
    "PerformanceMonitor": "monitor.core",
    "PerformanceTrends": "verdicts.trends",
    "PeriodicReset": "monitor.periodic",
    "ScopedMonitor": "monitor.scope",
    "UsageError": "errors",
    "current_monitor": "monitor.ambient",
    "track_performance": "monitor.ambient",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - metadata is slow to load

        return version("pytest-perfmon")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
