"""The `perf_monitor` fixture: a performance monitor with the forms that measure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, NoReturn

import pytest

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import SystemClock
from pytest_perfmon.measure.loop import RoundLoop
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.measure.rounds import Measured, Measuring, Task
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.plugin.recording import Recording, RoundRecorder


class _OpenLoop(NamedTuple):
    operation: str
    loop: RoundLoop
    recorder: RoundRecorder


class PerfMonitor(PerformanceMonitor):
    """The test's own monitor; call it to measure a function under the test's name.

    In a plain run every measuring form runs its body once and measures nothing.
    """

    def __init__(self, recording: Recording) -> None:
        clock = recording.measuring.clock if recording.measuring else None
        if clock is None:
            super().__init__()
        else:
            super().__init__(clock_ns=clock.now_ns)
        self._recording = recording
        self._watched: list[PerformanceMonitor] = []
        self._open_loop: _OpenLoop | None = None
        self._unawaited: set[str] = set()

    def __call__(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Measure `fn(*args, **kwargs)` under the test's own name.

        Returns:
            The last call's result; something to await where `fn` returns that.
        """
        return self._measure(self._recording.own, fn, args, kwargs)

    def measure(
        self,
        name: str,
        fn: Callable[..., Any],
        /,
        *args: Any,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[[], Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Measure `fn(*args, **kwargs)` under that name.

        Args:
            name: the operation.
            fn: what to call.
            *args: for it.
            setup: runs before every call, outside the clock; there is one call a round then.
            teardown: runs after every call, outside the clock.
            **kwargs: for `fn`.

        Returns:
            The last call's result; something to await where `fn` returns that.
        """
        return self._measure(name, fn, args, kwargs, setup=setup, teardown=teardown)

    def rounds(self) -> RoundLoop:
        """Give the rounds of the loop's body, for `for` and `async for`; the body is measured."""
        return self.body_rounds(self._recording.own)

    def watch(self, monitor: PerformanceMonitor) -> None:
        """Count what the application's own monitor tracks in rounds as operations of the test."""
        if not isinstance(monitor, PerformanceMonitor):
            _mistake(
                f"perf_monitor.watch was given {monitor!r}: expected a PerformanceMonitor, such"
                " as the one that your application tracks with"
            )
        if monitor is not self and monitor not in self._watched:
            self._watched.append(monitor)

    def body_rounds(self, operation: str) -> RoundLoop:
        """Give the engine of `rounds()` and of repeated bodies."""
        self._claim(operation)
        context = self._recording.measuring
        if context is None:
            return _once_loop()
        plan = self._recording.plan()
        recorder = RoundRecorder(self._recording, [self, *self._watched])

        def tick(values: int, elapsed_ns: int) -> None:
            context.progress(operation, elapsed_ns, values, plan.max_time_ns)

        loop = RoundLoop(
            context.clock,
            plan,
            begin_round=recorder.begin_round,
            end_round=recorder.end_round,
            tick=tick,
            count_memory=self._recording.wants_memory(operation),
        )
        self._open_loop = _OpenLoop(operation, loop, recorder)
        return loop

    def finish(self, *, interrupted: bool = False) -> None:
        """Hand over what a loop has measured, however it was left.

        Raises:
            MeasurementError: for a measurement that was begun and never awaited.
        """
        if self._open_loop is not None:
            operation, loop, recorder = self._open_loop
            self._open_loop = None
            with loop:
                recorder.finish(loop.measurement(operation, interrupted=interrupted))
        if self._unawaited and not interrupted:
            raise MeasurementError(
                f"perf_monitor measured {min(self._unawaited)!r} as an awaitable that nobody"
                " awaited: expected `await perf_monitor(...)` in an async test"
            )

    def _measure(
        self,
        operation: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[[], Any] | None = None,
    ) -> Any:
        _check_function(fn)
        self._claim(operation)
        context = self._recording.measuring
        if context is None:
            return _once(fn, args, kwargs, setup, teardown)
        judges = self._recording.judges(operation)
        plan = self._recording.plan(operation)

        def decided(values_ns: Any) -> bool:
            for judge in judges:
                judge.observe(values_ns)
            return self._recording.may_stop(judges)

        def tick(values: int, elapsed_ns: int) -> None:
            context.progress(operation, elapsed_ns, values, plan.max_time_ns)

        measuring = Measuring(
            Task(
                operation=operation,
                call=fn,
                args=args,
                kwargs=kwargs,
                clock=context.clock,
                plan=plan,
                decided=decided,
                setup=setup,
                teardown=teardown,
                tick=tick,
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

    def _claim(self, operation: str) -> None:
        try:
            self._recording.claim(operation)
        except MeasurementError as error:
            _mistake(str(error))


def _once_loop() -> RoundLoop:
    return RoundLoop(
        SystemClock.measured(),
        Plan(),
        begin_round=lambda _: None,
        end_round=lambda *_: True,
        once=True,
    )


def _once(
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    setup: Callable[[], Any] | None,
    teardown: Callable[[], Any] | None,
) -> Any:
    if setup is not None:
        setup()
    try:
        result = fn(*args, **kwargs)
    except BaseException:
        if teardown is not None:
            teardown()
        raise
    if teardown is None:
        return result
    if inspect.isawaitable(result):
        return _once_awaiting(result, teardown)
    teardown()
    return result


async def _once_awaiting(result: Any, teardown: Callable[[], Any]) -> Any:
    try:
        return await result
    finally:
        teardown()


def _check_function(fn: object) -> None:
    if isinstance(fn, Coroutine):
        fn.close()
        _mistake(
            f"perf_monitor was given the coroutine {getattr(fn, '__qualname__', fn)!r}: expected"
            " the coroutine function and its arguments, as in `await perf_monitor(fn, *args)`"
        )
    if not callable(fn):
        _mistake(
            f"perf_monitor was given {fn!r}: expected a function and its arguments, as in"
            " `perf_monitor(fn, *args)`"
        )


def _mistake(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)
