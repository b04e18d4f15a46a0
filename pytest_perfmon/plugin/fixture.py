"""The `perf_monitor` fixture: a performance monitor with the forms that measure."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import pytest

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.plugin.recording import Recording
from pytest_perfmon.plugin.way import Call, Rounds, Way


class PerfMonitor(PerformanceMonitor):
    """The test's own monitor; call it to measure a function under the test's name.

    In a plain run every measuring form runs its body once and measures nothing.

    Args:
        recording: of the test.
        way: what this run makes of the forms.
        clock: what the monitor reads; None is the system's.
    """

    def __init__(self, recording: Recording, way: Way, clock: Clock | None) -> None:
        if clock is None:
            super().__init__()
        else:
            super().__init__(clock_ns=clock.now_ns)
        self._recording = recording
        self._way = way
        self._watched: list[PerformanceMonitor] = []

    def __call__(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Measure `fn(*args, **kwargs)` under the test's own name.

        Returns:
            The last call's result; something to await where `fn` returns that.
        """
        return self._carry_out(Call(self._recording.own, fn, args, kwargs))

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
        _check_name(name)
        return self._carry_out(Call(name, fn, args, kwargs, setup, teardown))

    def rounds(self) -> Rounds:
        """Give the rounds of the loop's body, for `for` and `async for`; the body is measured."""
        return self.body_rounds()

    def watch(self, monitor: PerformanceMonitor) -> None:
        """Count what the application's own monitor tracks in rounds as operations of the test."""
        if not isinstance(monitor, PerformanceMonitor):
            _mistake(
                f"perf_monitor.watch was given {monitor!r}: expected a PerformanceMonitor, such"
                " as the one that your application tracks with"
            )
        if monitor is not self and monitor not in self._watched:
            self._watched.append(monitor)

    def body_rounds(self) -> Rounds:
        """Give the engine of `rounds()` and of repeated bodies."""
        self._claim(self._recording.own)
        return self._way.rounds(self._recording.own, [self, *self._watched])

    def only_round(self) -> Rounds:
        """Give the one round of a body that runs a single time; a form inside it counts instead."""
        return self._way.rounds(self._recording.own, [self, *self._watched], whole_test=True)

    def finish(self, *, interrupted: bool = False) -> None:
        """Hand over what was measured, however loops were left.

        Raises:
            MeasurementError: for a measurement that was begun and never awaited.
        """
        self._way.finish(interrupted=interrupted)

    def _carry_out(self, call: Call) -> Any:
        _check_function(call.fn)
        self._claim(call.operation)
        return self._way.call(call)

    def _claim(self, operation: str) -> None:
        try:
            self._recording.claim(operation)
        except MeasurementError as error:
            _mistake(str(error))


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.strip():
        _mistake(
            f"perf_monitor.measure was given the name {name!r}: expected a text that is not"
            " empty, then the function and its arguments"
        )


def _check_function(fn: object) -> None:
    if isinstance(fn, Coroutine):
        name = getattr(fn, "__qualname__", fn)
        fn.close()
        _mistake(
            f"perf_monitor was given the coroutine {name!r}: expected the coroutine function and"
            " its arguments, as in `await perf_monitor(fn, *args)`"
        )
    if not callable(fn):
        _mistake(
            f"perf_monitor was given {fn!r}: expected a function and its arguments, as in"
            " `perf_monitor(fn, *args)`"
        )


def _mistake(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)
