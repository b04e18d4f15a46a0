"""What the patterns for running applications read of a monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, overload

Percentile = Literal["p95", "p99"]


class OperationFigures(Protocol):
    """The figures of one operation, in milliseconds."""

    @property
    def operation(self) -> str:
        """Its name."""

    @property
    def p95(self) -> float:
        """So long took 95 % of calls at most."""

    @property
    def p99(self) -> float:
        """So long took 99 % of calls at most."""


class StatsSource(Protocol):
    """A `PerformanceMonitor`, or anything that gives figures likewise."""

    @overload
    def get_stats(self) -> Sequence[OperationFigures]: ...
    @overload
    def get_stats(self, operation: str) -> OperationFigures | None: ...


def percentile(figures: OperationFigures, which: Percentile) -> float:
    """Give that percentile of the operation, milliseconds."""
    return figures.p95 if which == "p95" else figures.p99
