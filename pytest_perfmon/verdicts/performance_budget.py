"""Budgets of a running application: the pattern's check of each operation's p95."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pytest_perfmon.model.verdict import Severity
from pytest_perfmon.units import NS_PER_MS, parse_limit_ns
from pytest_perfmon.verdicts.budgets import severity
from pytest_perfmon.verdicts.live import Percentile, StatsSource, percentile


@dataclass(frozen=True, slots=True)
class BudgetViolation:
    """An operation above its budget.

    Attributes:
        operation: its name.
        budget: the limit, milliseconds.
        actual: the figure above it, milliseconds.
        severity: warning up to 2x the budget, error above 2x, critical above 3x.
        criterion: which figure it is.
    """

    operation: str
    budget: float
    actual: float
    severity: Severity
    criterion: Percentile = "p95"


class PerformanceBudget:
    """Limits on the p95 of a monitor's operations.

    Args:
        monitor: what is checked.
        budgets: by operation, milliseconds as a number, or a text with its unit (`"200us"`).

    Raises:
        UsageError: for a limit that is none.
    """

    def __init__(self, monitor: StatsSource, budgets: Mapping[str, float | str]) -> None:
        self._monitor = monitor
        self._limits = {
            operation: parse_limit_ns(limit, f"the budget of {operation!r}") / NS_PER_MS
            for operation, limit in budgets.items()
        }

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits on the p95 by operation, milliseconds, in the order of their declaration."""
        return MappingProxyType(self._limits)

    def check(self) -> list[BudgetViolation]:
        """Give the violations; operations that were never called have none."""
        return violations_of(self._monitor, self._limits, "p95")


def violations_of(
    source: StatsSource, limits: Mapping[str, float], criterion: Percentile
) -> list[BudgetViolation]:
    """Give the operations whose percentile is above their limit, both in milliseconds."""
    violations = []
    for operation, limit in limits.items():
        stats = source.get_stats(operation)
        if stats is not None and (actual := percentile(stats, criterion)) > limit:
            grade = severity(actual / limit)
            violations.append(BudgetViolation(operation, limit, actual, grade, criterion))
    return violations
