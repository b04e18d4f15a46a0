"""`PerformanceMonitor`: counts and times named operations, cheaply, exactly, in bounded memory."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, Self, TypeVar, cast, overload

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.arguments import (
    checked_callback,
    checked_count,
    checked_share,
)
from pytest_perfmon.monitor.debug import print_slow
from pytest_perfmon.monitor.decorator import time_calls, time_function
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.listeners import Listener
from pytest_perfmon.monitor.operation import Metadata, Operation
from pytest_perfmon.monitor.recording import Recorder
from pytest_perfmon.monitor.retention import Event
from pytest_perfmon.monitor.scope import ScopedMonitor
from pytest_perfmon.monitor.slow import CaptureStack, EventCallback, Watch
from pytest_perfmon.monitor.span import NULL_SPAN, AnnotatedSpan, Span, Timer
from pytest_perfmon.monitor.stats import (
    MonitorSnapshot,
    MonitorSummary,
    OperationStats,
    summarize,
)
from pytest_perfmon.units import NS_PER_MS, parse_limit_ns

P = ParamSpec("P")
R = TypeVar("R")

LOGGER: Final = logging.getLogger("pytest_perfmon")
LOGGER.addHandler(logging.NullHandler())
LONGEST_MS: Final = 1e12
UNKNOWN_ERROR: Final = "unknown"

override: Final[ContextVar[PerformanceMonitor | None]] = ContextVar("perfmon_monitor", default=None)
"""The monitor that is ambient in this context, ahead of the process-wide one."""


class PerformanceMonitor:
    """Counts, times and watches named operations of a running program.

    Aggregates count every call exactly, from any thread, task, signal handler or garbage-collector
    callback, and the path of a call never waits for a lock. A forked child goes on from a copy of
    its parent's figures.

    Memory is bounded: an operation takes at most 8 bytes for each of `max_metrics_per_operation`,
    twice while that is being filled, plus 90 KB (10 to 30 KB is usual), and where calls have status
    codes 40 KB (3 KB is usual) for each of at most 18. There are at most `max_operations` of them
    and one more, `__other__`, which counts all names beyond. 500 events are kept.

    Args:
        slow_threshold: a call at least this long makes an event, a warning in the log, and a call
            of `on_slow`. Milliseconds, or a text with a unit such as `"1.5s"`.
        very_slow_threshold: the same with an error in the log, and `on_very_slow` too.
        on_slow: called with the `Event` of each slow and very slow call; sync or async.
        on_very_slow: called with the `Event` of each very slow call; sync or async.
        capture_stack: which events get the stack of the caller.
        max_metrics_per_operation: how many of the newest raw durations are kept; percentiles are
            exact while that is all of them.
        max_operations: how many names are told apart.
        sample_rate: the share of events that are kept, 0 to 1; counts and alerts are not affected.
        logger: where alerts and failing callbacks go; `logging.getLogger("pytest_perfmon")` unless
            another is given.
        enabled: False turns everything into next to nothing, for good.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Attributes:
        clock_ns: the clock of this monitor's calls, for `record`.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        *,
        slow_threshold: float | str = 1000,
        very_slow_threshold: float | str = 5000,
        on_slow: EventCallback | None = None,
        on_very_slow: EventCallback | None = None,
        capture_stack: CaptureStack = "never",
        max_metrics_per_operation: int = 1000,
        max_operations: int = 2000,
        sample_rate: float = 1.0,
        logger: logging.Logger | None = None,
        enabled: bool = True,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        slow_ns = round(parse_limit_ns(slow_threshold, "slow_threshold"))
        very_slow_ns = round(parse_limit_ns(very_slow_threshold, "very_slow_threshold"))
        if very_slow_ns < slow_ns:
            raise UsageError(
                f"very_slow_threshold is {very_slow_threshold!r}:"
                f" expected at least slow_threshold, {slow_threshold!r}"
            )
        logger = logger or LOGGER
        guard = Guard(logger)
        watch = Watch(
            slow_ns=slow_ns,
            very_slow_ns=very_slow_ns,
            on_slow=checked_callback(on_slow, "on_slow"),
            on_very_slow=checked_callback(on_very_slow, "on_very_slow"),
            capture_stack=capture_stack,
            sample_rate=checked_share(sample_rate, "sample_rate"),
            logger=logger,
            guard=guard,
        )
        self._recorder = Recorder(
            clock_ns=clock_ns,
            attention_ns=slow_ns,
            newest_kept=checked_count(max_metrics_per_operation, "max_metrics_per_operation"),
            max_operations=checked_count(max_operations, "max_operations"),
            watch=watch,
            guard=guard,
            logger=logger,
        )
        self._registry = self._recorder.registry
        self._operations = self._registry.operations
        self._enabled = enabled
        self.clock_ns: Final = clock_ns  # no property: web middleware reads it at each request
        _monitors.add(self)

    @classmethod
    def debug(cls, **options: Any) -> Self:
        """Give a monitor that writes each slow call, its metadata and stack to standard error.

        Takes the options of a monitor; those of looking closely are set unless given.
        """
        closely: dict[str, Any] = {"capture_stack": "slow", "on_slow": print_slow}
        return cls(**closely | options)

    @property
    def enabled(self) -> bool:
        """Whether anything is counted at all."""
        return self._enabled

    @property
    def max_operations(self) -> int:
        """How many names are told apart."""
        return self._registry.max_operations

    def track(self, operation: str, metadata: Metadata | None = None) -> Span:
        """Time a `with` block as one call of the operation.

        Args:
            operation: any name; those with a common prefix (`api.users`) form a scope.
            metadata: taken by reference and looked at when the block ends; makes an event.

        Raises:
            UsageError: for a name that is no text.
        """
        if not self._enabled:
            return NULL_SPAN
        try:
            found = self._operations[operation]
        except KeyError:
            found = self._registry.admit(operation)
        if metadata is None:
            span = Span()
        else:
            span = AnnotatedSpan()
            span.metadata = metadata
        span.operation = found
        return span

    def operation(self, name: str) -> Operation | None:
        """Give the counters behind a name, for instruments of one's own; None when disabled."""
        if not self._enabled:
            return None
        return self._operations.get(name) or self._registry.admit(name)

    def track_operation(
        self,
        operation: str,
        fn: Callable[..., R],
        /,
        *args: Any,
        metadata: Metadata | None = None,
        **kwargs: Any,
    ) -> R:
        """Call the function as one call of the operation, and give its result.

        Where the result is awaitable, a coroutine is given instead, which awaits it: timed are
        then the call and the awaiting, not what passed between them.
        """
        if not self._enabled:
            return fn(*args, **kwargs)
        span = self.track(operation, metadata)
        span.__enter__()
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            span.__exit__(type(error), error, error.__traceback__)
            raise
        if hasattr(result, "__await__"):
            span.pause()
            return cast("R", _await_timed(span, cast("Awaitable[Any]", result)))
        span.__exit__(None, None, None)
        return result

    def track_performance(
        self, operation: str | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function so that each of its calls is timed; see `time_calls`.

        Without a name the operation is the function's module and qualified name.
        """
        if not self._enabled:
            return lambda fn: fn
        unplaced = self._recorder.unplaced
        return time_calls(operation, self.track, lambda fn, name: time_function(fn, unplaced(name)))

    def record_metric(
        self,
        operation: str,
        duration: float,
        *,
        success: bool = True,
        metadata: Metadata | None = None,
    ) -> None:
        """Count one call that was measured elsewhere, of `duration` milliseconds.

        A failure is counted under the error type `unknown`.

        Raises:
            UsageError: unless the duration is finite and from 0 to 1e12.
        """
        if not 0 <= duration <= LONGEST_MS:
            raise UsageError(
                f"duration is {duration!r}: expected milliseconds from 0 to {LONGEST_MS:g}"
            )
        self.record(
            operation,
            round(duration * NS_PER_MS),
            error_type=None if success else UNKNOWN_ERROR,
            metadata=metadata,
        )

    def record(
        self,
        operation: str,
        elapsed_ns: int,
        *,
        error_type: str | None = None,
        cancelled: bool = False,
        metadata: Metadata | None = None,
        status: int | None = None,
    ) -> None:
        """Count one call that an instrument timed by `clock_ns`, in integer nanoseconds.

        Args:
            operation: as in `track`.
            elapsed_ns: how long the call took.
            error_type: what it failed with, None where it succeeded.
            cancelled: the error type only says that nobody wants the result any more.
            metadata: as in `track`; makes an event.
            status: a status code such as HTTP's, 100 to 999, by which calls are told apart.
        """
        if self._enabled:
            self._recorder.record(
                self._registry.find(operation),
                elapsed_ns,
                error_type=error_type,
                cancelled=cancelled,
                metadata=metadata,
                status=status,
            )

    def start_timer(self) -> Timer:
        """Start a stopwatch; its `stop()` gives milliseconds, for `record_metric` or anything."""
        return Timer(self.clock_ns)

    def scope(self, name: str) -> ScopedMonitor:
        """Give a view in which every operation's name starts with that of the scope and a dot."""
        return ScopedMonitor(self, name)

    @overload
    def get_stats(self) -> list[OperationStats]: ...
    @overload
    def get_stats(self, operation: str) -> OperationStats | None: ...
    def get_stats(
        self, operation: str | None = None
    ) -> list[OperationStats] | OperationStats | None:
        """Give the figures of one operation, None if it is unknown; or a list of all, by name."""
        if operation is None:
            return self.stats_matching("*")
        found = self._operations.get(operation)
        return found.stats() if found else None

    def stats_matching(self, pattern: str) -> list[OperationStats]:
        """Give the figures of the operations whose name matches the glob pattern, by name."""
        found = (operation.stats() for operation in self._registry.matching(pattern))
        return sorted((stats for stats in found if stats), key=lambda stats: stats.operation)

    def summary(self) -> MonitorSummary:
        """Give the total, the error rate, the average and the slowest operation."""
        return summarize(self.get_stats())

    def events(self) -> tuple[Event, ...]:
        """Give the newest events (calls slow, failed, or with metadata), oldest first."""
        return self._recorder.watch.events.newest()

    def snapshot(self) -> MonitorSnapshot:
        """Give everything counted up to now as plain data, for `merge` in another process."""
        return MonitorSnapshot(operations=tuple(self.get_stats()))

    def merge(self, snapshot: MonitorSnapshot) -> None:
        """Add what another monitor counted; names beyond the cap go to `__other__`.

        Listeners hear nothing of it: it holds counts, not calls.
        """
        if self._enabled:
            for stats in snapshot.operations:
                self._registry.find(stats.operation).merge(stats)

    def flush(self) -> None:
        """Bring every call that has ended into the figures, and to the listeners."""
        for operation in self._registry.all():
            operation.settle()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have every counted call told to the listener, exactly once; gives what ends that.

        The listener is called inside folds, soon after the calls or in `flush()`, with the
        operation's name, the durations (integer nanoseconds) of all counted calls, and the error
        types of those among them that failed. It hears of the calls that end from now on, up to
        the end of the subscription. It should be quick; it may track; what it raises is logged
        once.
        """
        self.flush()
        key = self._recorder.listeners.add(listener)

        def unsubscribe() -> None:
            self.flush()
            self._recorder.listeners.remove(key)

        return unsubscribe

    def reset(self, pattern: str = "*") -> None:
        """Forget the operations whose name matches the glob pattern, and their events.

        A call that ends in another thread meanwhile is forgotten or counted anew.
        """
        matching = self._registry.matching(pattern)
        for operation in matching:
            # In this order, so that listeners hear of what is counted up to its end.
            self._registry.remove(operation)
            operation.retire()
            operation.settle()
        self._recorder.watch.events.discard({operation.name for operation in matching})

    @contextmanager
    def activate(self) -> Iterator[PerformanceMonitor]:
        """Make this the ambient monitor of the block, and of the tasks started in it.

        New threads start without it: they report to the process-wide monitor, unless they are
        run in a copy of this context.
        """
        previous = override.get()
        override.set(self)
        try:
            yield self
        finally:
            override.set(previous)


async def _await_timed(span: Span, awaitable: Awaitable[R]) -> R:
    span.resume()
    try:
        result = await awaitable
    except BaseException as error:
        span.__exit__(type(error), error, error.__traceback__)
        raise
    span.__exit__(None, None, None)
    return result


_monitors: Final[weakref.WeakSet[PerformanceMonitor]] = weakref.WeakSet()


def _start_monitors_in_child() -> None:
    for monitor in _monitors:
        monitor._recorder.start_in_child()  # noqa: SLF001 - the class's own fork handler


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_monitors_in_child)
