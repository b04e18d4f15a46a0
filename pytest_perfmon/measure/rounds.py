"""The timed loop, for functions and for coroutine functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.control import read_control
from pytest_perfmon.measure.counters import MemoryCount, count_awaitables, count_calls
from pytest_perfmon.measure.course import Course
from pytest_perfmon.measure.plan import Decided, Plan, Tick
from pytest_perfmon.measure.quiet import quiet
from pytest_perfmon.measure.timing import bind, discard, time_awaitables, time_calls
from pytest_perfmon.model.measurement import Measurement


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be measured, and how.

    Attributes:
        operation: its name.
        call: the function; what it returns is awaited where its first result is awaitable.
        args: its positional arguments.
        kwargs: its keyword arguments.
        clock: times it.
        plan: when to stop.
        decided: told the new values of every slice, nanoseconds per call; True ends it.
        setup: runs before every call, warm-up included, outside the clock. With it or `teardown`
            there is one call per value.
        teardown: runs after every call, also after one that raised, outside the clock.
        tick: told of progress between slices.
        count_memory: whether the function is called four more times, untimed, to count memory;
            never where the plan asks for one round.
        on_interrupt: given the figures so far when something that is not an `Exception` ends the
            measurement (Ctrl-C, a cancelled task); that exception goes on unchanged. Not called
            where no value was made.
    """

    operation: str
    call: Callable[..., Any]
    clock: Clock
    plan: Plan
    decided: Decided
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    setup: Callable[[], Any] | None = None
    teardown: Callable[[], Any] | None = None
    tick: Tick | None = None
    count_memory: bool = False
    on_interrupt: Callable[[Measurement], None] | None = None


class Measured(NamedTuple):
    """The figures, and what the last call returned."""

    measurement: Measurement
    result: Any


def measure_calls(task: Task) -> Measured:
    """Measure a function.

    Raises:
        MeasurementError: its result has to be awaited, or its setup returned an awaitable.
    """
    return Measuring(task).finish()


async def measure_awaitables(task: Task) -> Measured:
    """Measure a coroutine function, or another that returns an awaitable; each call is awaited.

    Raises:
        MeasurementError: its result cannot be awaited, or its setup returned an awaitable.
    """
    return await Measuring(task).finish_awaiting()


class Measuring:
    """A measurement under way: the first call is made, and its result tells how to go on.

    The first call is the first of the warm-up (or, where one round is asked for, that round), and
    the only one that tracers see. Exceptions go through as they are and leave no figures, but for
    what `Task.on_interrupt` says.

    Attributes:
        awaits: whether the function returned an awaitable; then `finish_awaiting` is the way on,
            else `finish`.
    """

    def __init__(self, task: Task) -> None:
        """Make the first call.

        Raises:
            MeasurementError: the task's setup returned an awaitable.
        """
        self._task = task
        self._subject = bind(
            task.operation,
            task.call,
            task.args,
            task.kwargs,
            setup=task.setup,
            teardown=task.teardown,
        )
        self._counts_memory = task.count_memory and task.plan.rounds != 1
        self._course = Course(
            task.clock,
            task.plan,
            task.decided,
            tick=task.tick,
            grouping=not self._subject.one_call_a_stretch,
        )
        self._batches = self._course.batches()
        self._control_ns = read_control(task.clock)
        self._first = next(self._batches)
        self._result, self._first_ns = self._make_first_call()
        self.awaits = isinstance(self._result, Awaitable)

    def finish(self) -> Measured:
        """Measure to the end.

        Raises:
            MeasurementError: the function returned an awaitable.
        """
        self._tear_down()
        if self.awaits:
            discard(self._result)
            raise self._misfit("has to be awaited: expected a plain result")
        self._first.raw_ns.append(self._first_ns)
        with self._interruptible():
            for batch in self._batches:
                self._result = time_calls(self._subject, batch, self._task.clock.now_ns)
        memory = count_calls(self._subject) if self._counts_memory else None
        return self._measured(memory)

    async def finish_awaiting(self) -> Measured:
        """Await the first call's result, and measure to the end.

        Raises:
            MeasurementError: the function returned no awaitable.
        """
        if not self.awaits:
            self._tear_down()
            raise self._misfit("cannot be awaited: expected a coroutine function")
        now_ns = self._task.clock.now_ns
        try:
            with quiet(keep_hooks=True):
                start = now_ns()
                self._result = await self._result
                end = now_ns()
        finally:
            self._tear_down()
        self._first.raw_ns.append(self._first_ns + end - start)
        with self._interruptible():
            for batch in self._batches:
                self._result = await time_awaitables(self._subject, batch, now_ns)
        memory = await count_awaitables(self._subject) if self._counts_memory else None
        return self._measured(memory)

    def _make_first_call(self) -> tuple[Any, int]:
        now_ns, call = self._task.clock.now_ns, self._subject.call
        if self._subject.setup is not None:
            self._subject.setup()
        try:
            with quiet(keep_hooks=True):
                start = now_ns()
                result = call()
                end = now_ns()
        except BaseException:
            self._tear_down()
            raise
        return result, end - start

    def _tear_down(self) -> None:
        if self._subject.teardown is not None:
            self._subject.teardown()

    def _misfit(self, what: str) -> MeasurementError:
        return MeasurementError(
            f"the result of {self._task.operation!r}, of type {type(self._result).__name__}, {what}"
        )

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self._batches.close()
            if self._task.on_interrupt is not None and self._course.values_ns:
                self._task.on_interrupt(replace(self._figures(), interrupted=True))
            raise

    def _measured(self, memory: MemoryCount | None) -> Measured:
        figures = replace(
            self._figures(),
            control_ns=self._control_ns + read_control(self._task.clock),
            peak_memory=None if memory is None else memory.peak_memory,
            allocations=None if memory is None else memory.allocations,
        )
        return Measured(figures, self._result)

    def _figures(self) -> Measurement:
        return Measurement(
            self._task.operation,
            tuple(self._course.values_ns),
            calls_per_value=self._course.calls_per_value,
            rounds=len(self._course.values_ns),
            control_ns=self._control_ns,
        )
