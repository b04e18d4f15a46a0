"""What the patterns for running applications read of a monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, overload


class OperationFigures(Protocol):
    """The figures of one operation, in milliseconds."""

    @property
    def operation(self) -> str:
        """Its name."""

    @property
    def p95(self) -> float:
        """So long took 95 % of calls at most."""


class StatsSource(Protocol):
    """A `PerformanceMonitor`, or anything that gives figures likewise."""

    @overload
    def get_stats(self) -> Sequence[OperationFigures]: ...
    @overload
    def get_stats(self, operation: str) -> OperationFigures | None: ...
