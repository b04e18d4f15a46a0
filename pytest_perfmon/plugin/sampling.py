"""Measuring for budgets and stored runs: many calls in this process, until all is decided."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.loop import RoundLoop
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.measure.rounds import Measured, Measuring, Task
from pytest_perfmon.model.budget import MeasureOptions, over
from pytest_perfmon.model.measurement import Measurement
from pytest_perfmon.plugin.recording import Recording
from pytest_perfmon.plugin.way import Call, Rounds
from pytest_perfmon.verdicts.budgets import BudgetJudge, default_cap_ns

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor

DEFAULT_MAX_TIME_NS: Final = 1_000_000_000
DEFAULT_MIN_ROUNDS: Final = 20


Progress = Callable[[str, int, int, int], None]
"""Told the operation, elapsed nanoseconds, values so far and the cap, outside the clock."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How this run samples.

    Attributes:
        clock: what reads the time.
        measure: what the user said for all tests.
        early_stop: whether a measurement may end as soon as its budgets are decided.
        progress: shows how far a measurement has come.
    """

    clock: Clock
    measure: MeasureOptions
    early_stop: bool
    progress: Progress


class _OpenLoop(NamedTuple):
    operation: str
    loop: RoundLoop
    recorder: RoundRecorder


class Sampling:
    """Carries out the forms of one test by measuring them.

    Args:
        options: of the run.
        recording: of the test, which gets the measurements.
    """

    def __init__(self, options: SamplingOptions, recording: Recording) -> None:
        self._options = options
        self._recording = recording
        self._open_loops: list[_OpenLoop] = []
        self._unawaited: set[str] = set()

    @property
    def runs_body_once(self) -> bool:
        """Whether `rounds=1` asks that the one run of the body be the measured one."""
        return self._plan(None).rounds == 1

    def call(self, call: Call) -> Any:
        """Measure a function."""
        operation = call.operation
        judges = self._recording.judges(operation)
        plan = self._plan(operation)

        def decided(values_ns: Sequence[float]) -> bool:
            for judge in judges:
                judge.observe(values_ns)
            return self.may_stop(judges)

        measuring = Measuring(
            Task(
                operation=operation,
                call=call.fn,
                args=call.args,
                kwargs=call.kwargs,
                clock=self._options.clock,
                plan=plan,
                decided=decided,
                setup=call.setup,
                teardown=call.teardown,
                tick=self._tick(operation, plan),
                count_memory=self._recording.wants_memory(operation),
                on_interrupt=self._recording.add,
            )
        )
        if measuring.awaits:
            self._unawaited.add(operation)
            return self._finish_awaiting(operation, measuring)
        measured = measuring.finish()
        self._recording.add(measured.measurement)
        return measured.result

    async def _finish_awaiting(self, operation: str, measuring: Measuring) -> Any:
        self._unawaited.discard(operation)
        measured: Measured = await measuring.finish_awaiting()
        self._recording.add(measured.measurement)
        return measured.result

    def rounds(
        self, operation: str, monitors: Sequence[PerformanceMonitor], *, whole_test: bool = False
    ) -> Rounds:
        """Measure a loop's body and what is tracked in it; the plan serves all budgets."""
        plan = self._plan(None)
        recorder = RoundRecorder(self, self._recording, monitors, whole_test=whole_test)
        loop = RoundLoop(
            self._options.clock,
            plan,
            begin_round=recorder.begin_round,
            end_round=recorder.end_round,
            tick=self._tick(operation, plan),
            count_memory=self._recording.wants_memory(operation),
        )
        self._open_loops.append(_OpenLoop(operation, loop, recorder))
        return loop

    def finish(self, *, interrupted: bool) -> None:
        """Hand over what a loop has measured.

        Raises:
            MeasurementError: for a measurement that was begun and never awaited.
        """
        while self._open_loops:
            operation, loop, recorder = self._open_loops.pop(0)
            with loop:
                recorder.finish(loop.measurement(operation, interrupted=interrupted))
        if self._unawaited and not interrupted:
            raise MeasurementError(
                f"perf_monitor measured {min(self._unawaited)!r} as an awaitable that nobody"
                " awaited: expected `await perf_monitor(...)` in an async test"
            )

    def judge_all(self) -> list[BudgetJudge]:
        """Give the judges of all budgets of the test."""
        return [
            judge
            for operation in self._recording.operations()
            for judge in self._recording.judges(operation)
        ]

    def may_stop(self, judges: Sequence[BudgetJudge]) -> bool:
        """Say whether all that was asked is decided."""
        return self._options.early_stop and bool(judges) and all(judge.decided for judge in judges)

    def _plan(self, operation: str | None) -> Plan:
        budgets = self._recording.budgets_on(operation)
        options = MeasureOptions()
        for budget in budgets:
            options = over(options, budget.options)
        options = over(options, self._options.measure)
        return Plan(
            rounds=options.rounds,
            min_rounds=options.min_rounds or DEFAULT_MIN_ROUNDS,
            max_time_ns=options.max_time_ns or default_cap_ns(budgets, DEFAULT_MAX_TIME_NS),
            warmup_ns=options.warmup_ns,
        )

    def _tick(self, operation: str, plan: Plan) -> Callable[[int, int], None]:
        def tick(values: int, elapsed_ns: int) -> None:
            self._options.progress(operation, elapsed_ns, values, plan.max_time_ns)

        return tick


@dataclass(slots=True)
class _Tracked:
    values_ns: array[int] = field(default_factory=lambda: array("q"))
    errors: int = 0
    most_calls: int = 0


class RoundRecorder:
    """Collects what monitors track inside the rounds of a body, one round after another."""

    def __init__(
        self,
        sampling: Sampling,
        recording: Recording,
        monitors: Sequence[PerformanceMonitor],
        *,
        whole_test: bool,
    ) -> None:
        self._whole_test = whole_test
        self._sampling = sampling
        self._recording = recording
        self._monitors = list(monitors)
        self._fresh: list[tuple[str, Sequence[int], int]] = []
        self._tracked: dict[str, _Tracked] = {}
        self._undo = [monitor.subscribe(self._take) for monitor in self._monitors]
        self._all_judges = sampling.judge_all()

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
        if warming or self._superseded:
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
        return self._sampling.may_stop(self._all_judges)

    @property
    def _superseded(self) -> bool:
        return self._whole_test and self._recording.claimed

    def _flush(self) -> None:
        for monitor in self._monitors:
            monitor.flush()

    def finish(self, body: Measurement) -> None:
        """Stop listening; hand over the body's measurement and those of tracked operations."""
        for undo in self._undo:
            undo()
        if not body.values_ns or self._superseded:
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
                    peak_memory=None,
                    allocations=None,
                )
            )
