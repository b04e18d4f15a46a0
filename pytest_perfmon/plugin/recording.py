"""What one perf test gives while it runs: its measurements, and the judges told of every round."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.model.budget import Budget, MeasureOptions, over
from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.verdicts.budgets import BudgetJudge, default_cap_ns

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor

DEFAULT_MAX_TIME_NS = 1_000_000_000
DEFAULT_MIN_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class MeasureContext:
    """How this run measures; None in its place means that bodies run once, unmeasured.

    Attributes:
        clock: what reads the time.
        options: what the user said for all tests.
        early_stop: whether a measurement may end as soon as its budgets are decided.
        judge: makes the judge of a budget; None where nothing is judged.
        progress: told the operation, elapsed nanoseconds, calls so far and the cap, outside the
            clock.
    """

    clock: Clock
    options: MeasureOptions
    early_stop: bool
    judge: Callable[[Key, Budget], BudgetJudge] | None
    progress: Callable[[str, int, int, int], None]


class Recording:
    """One perf test's figures as they come in.

    Attributes:
        nodeid: the test.
        own: the name of the test's own measurement.
        budgets: its marks.
        measuring: how; None for a plain run.
        measurements: what is finished, by operation.
    """

    def __init__(
        self, nodeid: str, own: str, budgets: Sequence[Budget], measuring: MeasureContext | None
    ) -> None:
        self.nodeid = nodeid
        self.own = own
        self.budgets = budgets
        self.measuring = measuring
        self.measurements: dict[str, Measurement] = {}
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
            judge = self.measuring.judge if self.measuring else None
            self._judges[operation] = [
                judge(Key(self.nodeid, operation), budget)
                for budget in self.budgets
                if judge is not None and self._named(budget) == operation
            ]
        return self._judges[operation]

    def operations(self) -> list[str]:
        """Name the operations that budgets are about, and those that were measured."""
        named = [self._named(budget) for budget in self.budgets]
        return list(dict.fromkeys((*self.measurements, *named)))

    def plan(self, operation: str | None = None) -> Plan:
        """Say how an operation is measured; None is the body, which serves all budgets."""
        assert self.measuring is not None  # noqa: S101 - nothing is planned in a plain run
        budgets = [
            budget
            for budget in self.budgets
            if operation is None or self._named(budget) == operation
        ]
        options = MeasureOptions()
        for budget in budgets:
            options = over(options, budget.options)
        options = over(options, self.measuring.options)
        cap = options.max_time_ns or default_cap_ns(budgets, DEFAULT_MAX_TIME_NS)
        return Plan(
            rounds=options.rounds,
            min_rounds=options.min_rounds or DEFAULT_MIN_ROUNDS,
            max_time_ns=cap,
            warmup_ns=options.warmup_ns,
        )

    def wants_memory(self, operation: str) -> bool:
        """Say whether a budget of that operation limits memory."""
        return any(
            self._named(budget) == operation and budget.limit(criterion) is not None
            for budget in self.budgets
            for criterion in ("peak_memory", "allocations")
        )

    def add(self, measurement: Measurement) -> None:
        """Keep a finished measurement."""
        self.measurements[measurement.operation] = measurement

    def may_stop(self, judges: Sequence[BudgetJudge]) -> bool:
        """Say whether all that was asked is decided."""
        early = self.measuring is not None and self.measuring.early_stop
        return early and bool(judges) and all(judge.decided for judge in judges)

    def _named(self, budget: Budget) -> str:
        return self.own if budget.operation is None else budget.operation


@dataclass(slots=True)
class _Tracked:
    values_ns: array[int] = field(default_factory=lambda: array("q"))
    errors: int = 0
    most_calls: int = 0


class RoundRecorder:
    """Collects what monitors track inside the rounds of a body, one round after another.

    Args:
        recording: of the test.
        monitors: those whose operations count; each sample is seen once.
    """

    def __init__(self, recording: Recording, monitors: Sequence[PerformanceMonitor]) -> None:
        self._recording = recording
        self._monitors = list(monitors)
        self._fresh: list[tuple[str, Sequence[int], int]] = []
        self._tracked: dict[str, _Tracked] = {}
        self._undo = [monitor.subscribe(self._take) for monitor in self._monitors]
        self._all_judges = [
            judge for operation in recording.operations() for judge in recording.judges(operation)
        ]

    def _take(self, operation: str, durations_ns: Sequence[int], errors: Sequence[str]) -> None:
        self._fresh.append((operation, durations_ns, len(errors)))

    def begin_round(self, warming: bool) -> None:  # noqa: ARG002, FBT001 - the loop's signature
        """Forget what was tracked between rounds."""
        self._flush()
        self._fresh.clear()

    def end_round(self, body_ns: int, warming: bool) -> bool:  # noqa: FBT001 - as above
        """Take what was tracked in the round; say whether all budgets are decided."""
        self._flush()
        fresh, self._fresh = self._fresh, []
        if warming:
            return False
        calls: dict[str, int] = {}
        for operation, durations_ns, errors in fresh:
            tracked = self._tracked.setdefault(operation, _Tracked())
            tracked.values_ns.extend(durations_ns)
            tracked.errors += errors
            calls[operation] = calls.get(operation, 0) + len(durations_ns)
            for judge in self._recording.judges(operation):
                judge.observe(durations_ns, errors)
        for operation, count in calls.items():
            self._tracked[operation].most_calls = max(self._tracked[operation].most_calls, count)
        for judge in self._recording.judges(self._recording.own):
            judge.observe((body_ns,))
        return self._recording.may_stop(self._all_judges)

    def _flush(self) -> None:
        for monitor in self._monitors:
            monitor.flush()

    def finish(self, body: Measurement) -> None:
        """Stop listening; hand over the body's measurement and those of tracked operations."""
        for undo in self._undo:
            undo()
        if not body.values_ns:
            return
        self._recording.add(body)
        for operation, tracked in self._tracked.items():
            self._recording.add(
                replace(
                    body,
                    operation=operation,
                    values_ns=tracked.values_ns,
                    errors=tracked.errors,
                    most_calls_in_round=tracked.most_calls,
                )
            )
