"""What a test's author allows, and how it is to be measured: the marker as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final, TypeVar

PERCENTILES: Final = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


class OnUndecided(StrEnum):
    """What becomes of a criterion that the data did not decide."""

    PASS = "pass"  # noqa: S105 - a word of the marker, not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a budget.

    Attributes:
        criterion: `p50` … `p99`, `mean`, `max` (nanoseconds), `error_rate`, `max_regression`
            (shares), `calls`, `allocations` (counts), `peak_memory` (bytes).
        limit: in that unit, above zero.
    """

    criterion: str
    limit: float


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How one operation is measured; None is "not said here".

    Attributes:
        rounds: a fixed number of rounds, which switches every other stop rule off.
        min_rounds: at least so many.
        max_time_ns: the cap on measuring.
        warmup_ns: how long to warm up; None lets the warm-up end by itself.
    """

    rounds: int | None = None
    min_rounds: int | None = None
    max_time_ns: int | None = None
    warmup_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """One `budget` mark.

    Attributes:
        operation: the operation it is about; None is the test's own measurement.
        limits: what it allows.
        options: how it wants to be measured.
        on_undecided: what an undecided criterion means to it.
    """

    operation: str | None
    limits: tuple[Limit, ...]
    options: MeasureOptions = MeasureOptions()
    on_undecided: OnUndecided = OnUndecided.PASS

    def limit(self, criterion: str) -> float | None:
        """Give the limit on that criterion, None where there is none."""
        return next((one.limit for one in self.limits if one.criterion == criterion), None)


def limit_of(budgets: Iterable[Budget], criterion: str, operation: str, own: str) -> float | None:
    """Give the first limit on a criterion that a test's marks set for an operation.

    Args:
        budgets: its marks.
        criterion: what is limited.
        operation: the operation.
        own: the name of the test's own measurement, which marks without a name are about.
    """
    limits = (
        budget.limit(criterion) for budget in budgets if (budget.operation or own) == operation
    )
    return next((limit for limit in limits if limit is not None), None)


T = TypeVar("T", bound=MeasureOptions)


def over(stronger: T, weaker: T) -> T:
    """Merge two option sets: what the stronger says stands, the weaker fills the rest."""
    unsaid = {
        field.name: getattr(weaker, field.name)
        for field in fields(stronger)
        if getattr(stronger, field.name) is None
    }
    return replace(stronger, **unsaid)
