"""The objects that time one stretch: spans for `with`, and a timer to stop by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from types import TracebackType
from typing import Final, Self

from pytest_perfmon.monitor.operation import FOLD_AT, Metadata, Operation
from pytest_perfmon.units import NS_PER_MS


class Span:
    """One timed stretch of an operation, from entering `with` to leaving it in any task or thread.

    Each is used once. An exception is counted and goes on unchanged. Whoever makes one sets its
    `operation`: an `__init__` would cost a tenth of the whole span.
    """

    __slots__ = ("_elapsed_ns", "_start_ns", "operation")

    _elapsed_ns: int
    operation: Operation
    _start_ns: int

    def __enter__(self) -> Self:
        self._start_ns = self.operation.clock_ns()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        operation = self.operation
        self._elapsed_ns = elapsed_ns = operation.clock_ns() - self._start_ns
        if error is None and elapsed_ns < operation.attention_ns:
            pending = operation.pending
            pending.append(elapsed_ns)
            if len(pending) >= FOLD_AT:
                operation.fold()
        else:
            operation.attend(operation, elapsed_ns, error, None)

    @property
    def duration(self) -> float | None:
        """Milliseconds that the stretch took; None before its end."""
        elapsed_ns = getattr(self, "_elapsed_ns", None)
        return None if elapsed_ns is None else elapsed_ns / NS_PER_MS

    def pause(self) -> None:
        """Leave out of the stretch what passes from here to `resume()`."""
        # Below zero in between: minus what has been timed already.
        self._start_ns -= self.operation.clock_ns()

    def resume(self) -> None:
        """Go on timing after `pause()`."""
        self._start_ns += self.operation.clock_ns()


class AnnotatedSpan(Span):
    """A span that has `metadata` too, and therefore makes an event."""

    __slots__ = ("metadata",)

    metadata: Metadata

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        operation = self.operation
        self._elapsed_ns = operation.clock_ns() - self._start_ns
        operation.attend(operation, self._elapsed_ns, error, self.metadata)


class NullSpan(Span):
    """The span of a monitor that is switched off: measures nothing, and is shared by everybody."""

    __slots__ = ()

    # Any three arguments, nothing done, a false answer, and no frame of Python: with frames here
    # and below, a span that is switched off would cost half as much again.
    __exit__ = "".format  # type: ignore[assignment]


NULL_SPAN: Final = NullSpan()
# A function in C that takes nothing and always gives the one null span.
NullSpan.__enter__ = repeat(NULL_SPAN).__next__  # type: ignore[method-assign, assignment]


class Timer:
    """A stopwatch that runs from its making; it reports to nobody."""

    __slots__ = ("_clock_ns", "_elapsed_ns", "_start_ns")

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._elapsed_ns: int | None = None
        self._start_ns = clock_ns()

    def stop(self) -> float:
        """Give the milliseconds from the start to the first `stop()`, however often it is asked."""
        if self._elapsed_ns is None:
            self._elapsed_ns = self._clock_ns() - self._start_ns
        return self._elapsed_ns / NS_PER_MS
