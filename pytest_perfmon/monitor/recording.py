"""Where the calls of one monitor end up: in the counters, and with those who want to know."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.listeners import Listeners
from pytest_perfmon.monitor.operation import OTHER, Metadata, Operation
from pytest_perfmon.monitor.outcome import error_type_of, is_cancellation
from pytest_perfmon.monitor.registry import Registry
from pytest_perfmon.monitor.slow import Watch


class Recorder:
    """Ties a monitor's parts together: operations by name, listeners, and the watch on events.

    Args:
        clock_ns: the clock of all operations.
        attention_ns: the duration from which a call is looked at one by one.
        newest_kept: how many raw durations an operation keeps.
        max_operations: how many names are told apart.
        watch: what looks at single calls.
        guard: what runs the listeners.
        logger: who is told that names have run out.
    """

    def __init__(
        self,
        *,
        clock_ns: Callable[[], int],
        attention_ns: int,
        newest_kept: int,
        max_operations: int,
        watch: Watch,
        guard: Guard,
        logger: logging.Logger,
    ) -> None:
        self._clock_ns = clock_ns
        self._attention_ns = attention_ns
        self._newest_kept = newest_kept
        self._guard = guard
        self._logger = logger
        self.watch = watch
        self.listeners = Listeners(guard)
        self.registry = Registry(
            self._make, max_operations=max_operations, overflowing=self._warn_of_overflow
        )

    def record(
        self,
        operation: Operation,
        elapsed_ns: int,
        *,
        error_type: str | None,
        cancelled: bool,
        metadata: Metadata | None,
        status: int | None = None,
    ) -> None:
        """Count one call, and have the watch look at it."""
        if error_type is not None:
            operation.failed(elapsed_ns, None if cancelled else error_type, status)
        elif status is None:
            operation.succeeded(elapsed_ns)
        else:
            operation.answered(elapsed_ns, status)
        self.watch.consider(
            operation.name,
            elapsed_ns,
            error_type=error_type,
            cancelled=cancelled,
            metadata=metadata,
        )

    def unplaced(self, name: str) -> Operation:
        """Give an operation that takes its place among the others with its first call.

        Raises:
            UsageError: for a name that is no text.
        """
        operation = self._make(checked_name(name))
        operation.retire()
        return operation

    def start_in_child(self) -> None:
        """Go on in a forked child: fresh locks, and nothing in the background."""
        self.registry.start_in_child()
        self.watch.start_in_child()

    def _make(self, name: str) -> Operation:
        return Operation(
            name,
            clock_ns=self._clock_ns,
            attention_ns=self._attention_ns,
            newest_kept=self._newest_kept,
            attend=self._attend,
            tell=self.listeners.tell,
        )

    def _attend(
        self,
        operation: Operation,
        elapsed_ns: int,
        error: BaseException | None,
        metadata: Metadata | None,
    ) -> Operation:
        current = self.registry.find(operation.name) if operation.retired else operation
        self.record(
            current,
            elapsed_ns,
            error_type=None if error is None else error_type_of(error),
            cancelled=error is not None and is_cancellation(error),
            metadata=metadata,
        )
        # Counted together with others, a name keeps asking: a reset may make room for it.
        return current if current.name == operation.name else operation

    def _warn_of_overflow(self, name: str) -> None:
        self._guard.call(
            self._logger.warning,
            "max_operations reached: %r and all further new operations are counted as %r",
            name,
            OTHER,
        )
