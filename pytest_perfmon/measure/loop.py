"""The rounds of a loop's body: what `for _ in perf_monitor.rounds()` walks through."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Self

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.batch import Batch
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.control import read_control
from pytest_perfmon.measure.counters import MemoryCount, MemoryCounting
from pytest_perfmon.measure.course import Course
from pytest_perfmon.measure.plan import Plan, Tick
from pytest_perfmon.measure.quiet import quiet
from pytest_perfmon.measure.walk import AsyncWalk
from pytest_perfmon.model.measurement import Measurement


class RoundLoop:
    """Rounds of a body that stands in a loop: `for _ in loop:` or `async for _ in loop:`.

    Every iteration is one round and is timed; warm-up rounds come first. While the body runs, its
    surroundings are quiet (but in the very first round, which tracers see), and between rounds
    they are as they were found; so they are, too, when the loop is left by `break` or by an
    exception. A round that is left so is not counted and not told to `end_round`. `with loop:`
    around the loop makes sure of it where something else keeps the iterator alive.

    The loop cannot see what ends it: after an interruption, `measurement()` still gives the
    rounds that were made.
    """

    def __init__(
        self,
        clock: Clock,
        plan: Plan,
        *,
        begin_round: Callable[[bool], None],
        end_round: Callable[[int, bool], bool],
        tick: Tick | None = None,
        count_memory: bool = False,
        once: bool = False,
    ) -> None:
        """Prepare a loop.

        Args:
            clock: times the body.
            plan: when to stop.
            begin_round: called before each round with "is it warm-up?".
            end_round: called after each round with the body's nanoseconds and "was it warm-up?";
                True says that all is decided.
            tick: told of progress between rounds.
            count_memory: whether four more rounds, reported as warm-up, count the body's memory;
                never where the plan asks for one round.
            once: one iteration, nothing measured and no callback made.
        """
        self._clock = clock
        self._begin_round = begin_round
        self._end_round = end_round
        self._counts_memory = count_memory and plan.rounds != 1
        self._once = once
        self._all_decided = False
        self._walk: weakref.ref[Generator[None, None, None]] | None = None
        self._control_ns: tuple[int, ...] = ()
        self._memory: MemoryCount | None = None
        self._course = Course(
            clock, plan, lambda _: self._all_decided, tick=tick, grouping=False, slice_ns=0
        )

    @property
    def values_ns(self) -> tuple[int, ...]:
        """The measured rounds so far, in order."""
        return tuple(self._course.values_ns)

    @property
    def rounds(self) -> int:
        """How many rounds have been measured."""
        return len(self._course.values_ns)

    def measurement(self, operation: str, *, interrupted: bool = False) -> Measurement:
        """Give the body's figures under that name."""
        return Measurement(
            operation,
            self.values_ns,
            rounds=self.rounds,
            control_ns=self._control_ns,
            peak_memory=None if self._memory is None else self._memory.peak_memory,
            allocations=None if self._memory is None else self._memory.allocations,
            interrupted=interrupted,
        )

    def __iter__(self) -> Iterator[None]:
        if self._walk is not None:
            raise MeasurementError(
                "the rounds of one loop are being walked through a second time:"
                " expected one loop for each call of rounds()"
            )
        walk = self._yield_once() if self._once else self._yield_rounds()
        self._walk = weakref.ref(walk)  # weak: a loop left by `break` drops it, which closes it
        return walk

    def __aiter__(self) -> AsyncIterator[None]:
        return AsyncWalk(iter(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        walk = self._walk() if self._walk is not None else None
        if walk is not None:
            walk.close()

    def _yield_once(self) -> Generator[None, None, None]:
        yield

    def _yield_rounds(self) -> Generator[None, None, None]:
        now_ns = self._clock.now_ns
        self._control_ns = read_control(self._clock)
        for batch in self._course.batches():
            for _ in range(batch.most):
                self._begin_round(batch.warming)
                with quiet(keep_hooks=batch.keep_hooks):
                    start = now_ns()
                    yield
                    end = now_ns()
                self._take(batch, end - start)
                if end >= batch.until_ns:
                    break
        self._control_ns += read_control(self._clock)
        if self._counts_memory:
            yield from self._yield_counted()

    def _yield_counted(self) -> Generator[None, None, None]:
        counting, warming = MemoryCounting(), True
        for step in counting.steps:
            self._begin_round(warming)
            with quiet(), step:
                yield
            self._end_round(0, warming)
        self._memory = counting.total()

    def _take(self, batch: Batch, raw_ns: int) -> None:
        batch.raw_ns.append(raw_ns)
        body_ns = max(0, raw_ns - self._clock.overhead_ns)
        self._all_decided = self._end_round(body_ns, batch.warming)
