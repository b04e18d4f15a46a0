"""What exporters take from a monitor: all it has counted, or what it counted since last asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.operation import OTHER, Operation
from pytest_perfmon.monitor.stats import MonitorSnapshot, OperationStats

HEARD_AT_MOST: Final = 64
"""Folds of the monitor that wait to be counted; each is of at most 512 calls."""


class Totals:
    """Gives everything counted up to now as one `MonitorSnapshot`: a source of running totals.

    A lost point costs no counts, since the next one holds them too. After `monitor.reset()` the
    totals begin at zero again, and a forked child goes on from its parent's.
    """

    __slots__ = ("_monitor",)

    def __init__(self, monitor: PerformanceMonitor) -> None:
        self._monitor = monitor

    def take(self) -> Sequence[MonitorSnapshot]:
        """Give one snapshot."""
        return (self._monitor.snapshot(),)

    def start_in_child(self) -> None:
        """Nothing is kept here that a forked child has to forget."""

    def close(self) -> None:
        """Nothing is held here that has to be let go."""


class Intervals:
    """Gives what was counted since the last time, by operation: a source for backends that add up.

    Every counted call is in exactly one interval, whatever `monitor.reset()` does in between, and
    a forked child begins with none of its parent's. Extremes are exact and quantiles within 1.1 %.
    Cancelled calls and what `monitor.merge()` brings in are not told to listeners, so they are in
    no interval.
    """

    __slots__ = ("_counted", "_counting", "_heard", "_monitor", "_unsubscribe")

    def __init__(self, monitor: PerformanceMonitor) -> None:
        self._monitor = monitor
        self._begin()
        self._unsubscribe: Callable[[], None] = monitor.subscribe(self._hear)

    def _begin(self) -> None:
        self._counting = threading.Lock()
        self._heard: list[tuple[str, Sequence[int], Sequence[str]]] = []
        self._counted: dict[str, Operation] = {}

    def take(self) -> Sequence[OperationStats]:
        """Give the figures of the operations that were called since the last time, by name."""
        self._monitor.flush()
        with self._counting:
            self._count()
            counted, self._counted = self._counted, {}
        found = (counted[name].stats() for name in sorted(counted))
        return [stats for stats in found if stats]

    def start_in_child(self) -> None:
        """Forget, in a forked child, what the parent will give itself."""
        self._begin()  # the locks first: a thread that is not here may have held them
        self._monitor.flush()  # what the parent had not folded yet is told here too
        self._begin()

    def close(self) -> None:
        """Listen to the monitor no longer."""
        self._unsubscribe()

    def _hear(
        self, operation: str, durations_ns: Sequence[int], error_types: Sequence[str]
    ) -> None:
        # Called inside the monitor's folds, from anywhere: never waits, as those do not.
        self._heard.append((operation, durations_ns, error_types))
        if len(self._heard) >= HEARD_AT_MOST and self._counting.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._counting.release()

    def _count(self) -> None:
        taken = self._heard[:]
        del self._heard[: len(taken)]
        for name, durations_ns, error_types in taken:
            operation = self._counted.get(name) or self._admit(name)
            failed = len(error_types)
            # Which of the durations failed is not told, and no figure here depends on it.
            for elapsed_ns, error_type in zip(durations_ns, error_types, strict=False):
                operation.failed(elapsed_ns, error_type)
            operation.pending.extend(durations_ns[failed:])
            operation.fold()

    def _admit(self, name: str) -> Operation:
        # Resets make room for ever new names, which an interval has to hold together.
        named = len(self._counted) - (OTHER in self._counted)
        key = name if named < self._monitor.max_operations else OTHER
        return self._counted.setdefault(key, _counters(key))


def _counters(name: str) -> Operation:
    """Give counters that nothing leads back to: they are gone as soon as they are let go.

    Those of a monitor wait for the collector of cycles, all of an interval's at once.
    """
    return Operation(
        name,
        clock_ns=time.perf_counter_ns,
        attention_ns=0,
        newest_kept=1,
        attend=_attend,
        tell=_tell_nobody,
    )


def _attend(operation: Operation, *_: object) -> Operation:
    return operation


def _tell_nobody(*_: object) -> None:
    """Nobody listens here."""
