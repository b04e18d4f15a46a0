"""The monitor of this project, and what its operations may cost.

The budgets leave an order of magnitude to spare, so that a slow machine stays green; smaller
changes are what a saved baseline is for.
"""

from __future__ import annotations

from typing import Final

from pytest_perfmon import PerformanceMonitor
from pytest_perfmon.web.django import PerfmonDjangoMiddleware

BUDGETS: Final = {
    "GET /books/": "100ms",
    "GET /books/<int:number>/": "50ms",
    "catalog.search": "50ms",
}
"""The limit on the p95, by operation: for the tests, and for the dashboard."""

monitor = PerformanceMonitor(slow_threshold="500ms", very_slow_threshold="2s")


class Monitoring(PerfmonDjangoMiddleware):
    """Counts the requests of this project."""

    monitor = monitor
