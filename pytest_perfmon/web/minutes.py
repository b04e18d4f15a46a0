"""The last minutes of a monitor: each operation's p95 in short intervals, in bounded memory."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.monitor.bins import Bins
from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.histogram import quantile_of_bins
from pytest_perfmon.monitor.ticker import Ticker
from pytest_perfmon.units import NS_PER_S

INTERVAL_NS: Final = 10 * NS_PER_S
INTERVALS_KEPT: Final = 60
OPERATIONS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """What happened between two looks at the monitor.

    Attributes:
        end_ns: when it ended, on the clock of `Minutes`.
        p95_ns: by operation, of the calls that ended in it; operations without calls are not there.
    """

    end_ns: int
    p95_ns: Mapping[str, float]


class Minutes:
    """Looks at a monitor every ten seconds and keeps what changed, for ten minutes.

    A monitor holds figures of its whole life; the difference of two looks is what happened between
    them. The 200 operations that took most time altogether are followed, which takes at most some
    10 MB and usually far less than one.

    Looking begins with the first call of `follow`, so a process in which nobody asks pays nothing.

    Args:
        monitor: what is looked at.
        clock_ns: a clock that never goes back, in integer nanoseconds.
    """

    def __init__(self, monitor: PerformanceMonitor, clock_ns: Callable[[], int]) -> None:
        self._monitor = monitor
        self._clock_ns = clock_ns
        self._intervals: deque[Interval] = deque(maxlen=INTERVALS_KEPT)
        self._seen: dict[str, Bins] | None = None
        self._looked_ns = 0
        self._process: int | None = None

    def follow(self) -> None:
        """Look now if it is time, and from now on also in the background of this process."""
        self.look()
        if self._process != os.getpid():  # also in a forked child, where no thread came along
            self._process = os.getpid()
            with suppress(RuntimeError):  # without threads (Pyodide), whoever follows looks
                _look_on(self)

    def look(self) -> None:
        """Keep what changed since the last look, unless that was less than an interval ago."""
        now_ns = self._clock_ns()
        if self._seen is not None and now_ns - self._looked_ns < INTERVAL_NS:
            return
        self._looked_ns = now_ns  # first, so that of two threads one does the work
        stats = sorted(self._monitor.get_stats(), key=lambda one: one.total_ns, reverse=True)
        seen = {one.operation: one.bins for one in stats[:OPERATIONS_KEPT] if one.bins}
        before, self._seen = self._seen, seen
        if before is None:
            return
        changed = {
            operation: _difference(bins, before.get(operation, Bins()))
            for operation, bins in seen.items()
            # one that was not among the followed may have counted long before the last look
            if operation in before or len(before) < OPERATIONS_KEPT
        }
        p95_ns = {name: quantile_of_bins(bins, 0.95) for name, bins in changed.items() if bins}
        self._intervals.append(Interval(now_ns, p95_ns))

    def intervals(self) -> tuple[Interval, ...]:
        """Give the intervals that ended in the last ten minutes, oldest first."""
        oldest_ns = self._clock_ns() - INTERVALS_KEPT * INTERVAL_NS
        return tuple(one for one in self._intervals.copy() if one.end_ns > oldest_ns)


def _difference(after: Bins, before: Bins) -> Bins:
    counted = dict(before)
    left = [(number, count - counted.get(number, 0)) for number, count in after]
    # fewer than before: the operation was reset, and what it has counted is new
    if any(count < 0 for _, count in left) or len(counted.keys() - dict(after).keys()):
        return after
    return Bins((number for number, count in left if count), (count for _, count in left if count))


def _look_on(minutes: Minutes) -> None:
    """Have a thread look at even intervals, for as long as somebody else holds the object."""
    held = weakref.ref(minutes)

    def look() -> None:
        if (present := held()) is not None:
            present.look()

    ticker = Ticker(look, INTERVAL_NS / NS_PER_S, guard=Guard(LOGGER), name="perfmon-minutes")
    weakref.finalize(minutes, ticker.close)
