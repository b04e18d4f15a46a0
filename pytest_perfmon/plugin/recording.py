"""What one perf test has of its own while it runs: its names, its budgets, its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.model.budget import Budget
from pytest_perfmon.model.measurement import Key, Measurement

if TYPE_CHECKING:  # a worker of an A/B judges nothing, and starts sooner without
    from pytest_perfmon.verdicts.budgets import BudgetJudge

MakeJudge: TypeAlias = "Callable[[Key, Budget], BudgetJudge]"


class Recording:
    """One perf test's figures as they come in.

    Args:
        nodeid: the test.
        own: the name of the test's own measurement.
        budgets: its marks.
        make_judge: makes the judge of a budget; None where nothing is judged.

    Attributes:
        measurements: what is finished, by operation.
    """

    def __init__(
        self,
        nodeid: str,
        own: str,
        budgets: Sequence[Budget],
        make_judge: MakeJudge | None = None,
    ) -> None:
        self.nodeid = nodeid
        self.own = own
        self.budgets = budgets
        self.measurements: dict[str, Measurement] = {}
        self._make_judge = make_judge
        self._judges: dict[str, list[BudgetJudge]] = {}
        self._claimed: set[str] = set()

    @property
    def claimed(self) -> bool:
        """Whether the test's body used a measuring form."""
        return bool(self._claimed)

    def claim(self, operation: str) -> None:
        """Take a name for a measurement.

        Raises:
            MeasurementError: where the test has measured something of that name.
        """
        if operation in self._claimed:
            raise MeasurementError(
                f"{operation!r} is measured twice in this test: give each measurement a name of"
                f" its own, such as perf_monitor.measure({operation + '_2'!r}, ...)"
            )
        self._claimed.add(operation)

    def judges(self, operation: str) -> list[BudgetJudge]:
        """Give the judges of that operation's budgets."""
        if operation not in self._judges:
            make = self._make_judge
            key = Key(self.nodeid, operation)
            self._judges[operation] = (
                [] if make is None else [make(key, one) for one in self.budgets_on(operation)]
            )
        return self._judges[operation]

    def budgets_on(self, operation: str | None) -> list[Budget]:
        """Give the budgets of that operation; None gives all."""
        return [one for one in self.budgets if operation is None or self._named(one) == operation]

    def operations(self) -> list[str]:
        """Name the operations that were measured, and those that budgets are about."""
        named = [self._named(budget) for budget in self.budgets]
        return list(dict.fromkeys((*self.measurements, *named)))

    def wants_memory(self, operation: str) -> bool:
        """Say whether a budget of that operation limits memory."""
        return any(
            budget.limit(criterion) is not None
            for budget in self.budgets_on(operation)
            for criterion in ("peak_memory", "allocations")
        )

    def add(self, measurement: Measurement) -> None:
        """Keep a finished measurement."""
        self.measurements[measurement.operation] = measurement

    def _named(self, budget: Budget) -> str:
        return self.own if budget.operation is None else budget.operation
