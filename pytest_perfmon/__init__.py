"""Tell whether code got slower: a performance monitor, and the pytest plugin above it.

Importing this package loads neither pytest nor numpy; names are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_perfmon.errors import PerfmonError, UsageError
    from pytest_perfmon.monitor.ambient import current_monitor, track_performance
    from pytest_perfmon.monitor.core import PerformanceMonitor
    from pytest_perfmon.monitor.scope import ScopedMonitor
    from pytest_perfmon.verdicts.adaptive import AdaptiveThresholds
    from pytest_perfmon.verdicts.performance_budget import BudgetViolation, PerformanceBudget
    from pytest_perfmon.verdicts.trends import PerformanceTrends

__all__ = [
    "AdaptiveThresholds",
    "BudgetViolation",
    "PerfmonError",
    "PerformanceBudget",
    "PerformanceMonitor",
    "PerformanceTrends",
    "ScopedMonitor",
    "UsageError",
    "__version__",
    "current_monitor",
    "track_performance",
]

_HOMES = {
    "AdaptiveThresholds": "verdicts.adaptive",
    "BudgetViolation": "verdicts.performance_budget",
    "PerfmonError": "errors",
    "PerformanceBudget": "verdicts.performance_budget",
    "PerformanceMonitor": "monitor.core",
    "PerformanceTrends": "verdicts.trends",
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
