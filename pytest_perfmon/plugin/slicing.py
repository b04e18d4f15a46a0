"""One side of an A/B: forms run in slices, in turn with the other side."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_perfmon.duet.pinning import company, let_go, run_on
from pytest_perfmon.duet.protocol import Go, Pace, Slices
from pytest_perfmon.duet.slices import CPU, MEMORY, P95, SliceLoop, SliceTask, most_couplets
from pytest_perfmon.duet.turnstile import Turnstile, TurnstileError
from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.timing import Subject, bind
from pytest_perfmon.measure.walk import AsyncWalk
from pytest_perfmon.plugin.way import Call, Rounds

if TYPE_CHECKING:
    from pytest_perfmon.monitor.core import PerformanceMonitor

Send = Callable[[Slices], None]
_UNTRACKED: Final = (CPU, MEMORY)


class Slicer:
    """Makes the slices of a worker's tests.

    Args:
        go: what the conductor asked for.
        turnstile: to the other side.
        clock: of wall time.
        send: takes what was measured.

    Attributes:
        left_alone: the tests that ended because the other side had failed or was gone.
    """

    def __init__(self, go: Go, turnstile: Turnstile, clock: Clock, send: Send) -> None:
        self.go = go
        self.turnstile = turnstile
        self.clock = clock
        self.send = send
        self.left_alone: set[str] = set()
        self._company = company()

    def is_alone(self) -> bool:
        """Whether one CPU will do: tests have started neither threads nor children."""
        return self.go.always_pin or company() <= self._company

    def pinned(self, *, alone_here: bool, alone_there: bool) -> bool:
        """Run on the block's CPU where both sides can; else on all; say which."""
        cpu = self.go.cpu
        if cpu is None:
            return False
        if alone_here and alone_there:
            run_on((cpu,))
            return True
        let_go(cpu, self.go.all_cpus)
        return False


class Slicing:
    """Carries out the forms of one test in slices."""

    runs_body_once = False

    def __init__(self, slicer: Slicer, nodeid: str) -> None:
        self._slicer = slicer
        self._nodeid = nodeid
        self._bodies = 0
        self._unawaited: set[str] = set()

    def call(self, call: Call) -> Any:
        """Run a function in slices; what it returns first says whether it has to be awaited."""
        operation = call.operation
        subject = bind(
            operation,
            call.fn,
            call.args,
            call.kwargs,
            setup=call.setup,
            teardown=call.teardown,
        )
        result = _first(subject)
        if inspect.isawaitable(result):
            self._unawaited.add(operation)
            return self._call_awaiting(operation, subject, result)
        _tear_down(subject)
        run = subject.call
        for calls in self.stretches(operation, (), subject.setup, subject.teardown):
            for _ in range(calls):
                result = run()
        return result

    async def _call_awaiting(self, operation: str, subject: Subject, first: Any) -> Any:
        self._unawaited.discard(operation)
        try:
            result = await first
        finally:
            _tear_down(subject)
        run = subject.call
        for calls in self.stretches(operation, (), subject.setup, subject.teardown):
            for _ in range(calls):
                result = await run()
        return result

    def rounds(
        self,
        operation: str,
        monitors: Sequence[PerformanceMonitor],
        *,
        whole_test: bool = False,  # noqa: ARG002 - a body that is sliced has run once before
    ) -> Rounds:
        """Run a loop's body in slices."""
        return _SlicedRounds(self.stretches(operation, monitors))

    def finish(self, *, interrupted: bool) -> None:
        """Complain of a call that nobody awaited.

        Raises:
            MeasurementError: for that.
        """
        if self._unawaited and not interrupted:
            raise MeasurementError(f"{min(self._unawaited)!r} was never awaited")

    def stretches(
        self,
        operation: str,
        monitors: Sequence[PerformanceMonitor],
        setup: Callable[[], object] | None = None,
        teardown: Callable[[], object] | None = None,
    ) -> Generator[int, None, None]:
        """Meet the other side, yield the calls of each stretch, send what they took.

        Where the other side does not come to this body, one call is made and nothing sent.
        """
        slicer, go = self._slicer, self._slicer.go
        alone = slicer.is_alone()
        body, self._bodies = self._bodies, self._bodies + 1
        position = go.nodeids.index(self._nodeid)
        try:
            met = slicer.turnstile.meet(position, body, pinnable=alone)
        except TurnstileError:
            slicer.left_alone.add(self._nodeid)
            raise
        if met is None:
            if setup is not None:
                setup()
            try:
                yield 1
            finally:
                if teardown is not None:
                    teardown()
            return
        pinned = slicer.pinned(alone_here=alone, alone_there=bool(met.alone_in_process))
        statistic = go.statistics[self._nodeid]
        wall = statistic != CPU
        book = _Book(operation, () if statistic in _UNTRACKED else monitors)
        loop = SliceLoop(
            SliceTask(
                turnstile=slicer.turnstile,
                read_ns=slicer.clock.now_ns if wall else time.process_time_ns,
                overhead_ns=slicer.clock.overhead_ns if wall else 0,
                statistic=statistic,
                most_couplets=most_couplets(len(go.nodeids)),
                pace=go.paces.get(self._nodeid, {}).get(operation),
                coins=f"{go.seed} {self._nodeid} {operation}",
                begin=book.begin,
                end=book.end,
                setup=setup,
                teardown=teardown,
            )
        )
        try:
            yield from loop.stretches()
        except TurnstileError:
            slicer.left_alone.add(self._nodeid)
            raise
        finally:
            book.close()
        assert loop.pace is not None  # noqa: S101 - slices were made at it
        for name, values in book.values.items():
            slicer.send(
                Slices(self._nodeid, name, loop.pace, tuple(values), loop.slot_zero_first, pinned)
            )


class _Book:
    """Keeps the values of a body and of what monitors track in it, slice by slice."""

    def __init__(self, operation: str, monitors: Sequence[PerformanceMonitor]) -> None:
        self._operation = operation
        self._monitors = monitors
        self._fresh: dict[str, list[int]] = {}
        self._undo = [monitor.subscribe(self._take) for monitor in self._monitors]
        self.values: dict[str, list[float]] = {operation: []}

    def _take(self, operation: str, durations_ns: Sequence[int], _errors: Sequence[str]) -> None:
        self._fresh.setdefault(operation, []).extend(durations_ns)

    def begin(self) -> None:
        self._flush()
        self._fresh.clear()

    def end(self, pace: Pace, values: Sequence[float]) -> None:
        self._flush()
        self.values[self._operation] += values
        for name, durations in self._fresh.items():
            if name != self._operation:
                single = pace.statistic == P95
                shown = durations if single else [sum(durations) / len(durations)]
                self.values.setdefault(name, []).extend(shown)

    def _flush(self) -> None:
        for monitor in self._monitors:
            monitor.flush()

    def close(self) -> None:
        for undo in self._undo:
            undo()


class _SlicedRounds:
    """Yields once a call, to `for` and to `async for`."""

    def __init__(self, stretches: Generator[int, None, None]) -> None:
        self._stretches = stretches

    def __iter__(self) -> Iterator[None]:
        for calls in self._stretches:
            for _ in range(calls):
                yield

    def __aiter__(self) -> AsyncIterator[None]:
        return AsyncWalk(iter(self))


def _first(subject: Subject) -> Any:
    if subject.setup is not None:
        subject.setup()
    try:
        return subject.call()
    except BaseException:
        _tear_down(subject)
        raise


def _tear_down(subject: Subject) -> None:
    if subject.teardown is not None:
        subject.teardown()
