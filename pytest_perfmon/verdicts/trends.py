"""Is a running application getting slower? What snapshots of its monitor say."""

from __future__ import annotations

from collections import deque
from statistics import fmean
from typing import Final

from pytest_perfmon.units import NS_PER_MS
from pytest_perfmon.verdicts.history import Course, courses_of
from pytest_perfmon.verdicts.live import StatsSource

_RECENT: Final = 5
_EARLIER: Final = 10
_NEEDED: Final = 10
_KEPT: Final = 200


class PerformanceTrends:
    """Remembers each operation's p95 at the last two hundred snapshots."""

    def __init__(self) -> None:
        self._history: dict[str, deque[float]] = {}

    def record_snapshot(self, monitor: StatsSource) -> None:
        """Remember the present p95 of every operation; call it at even intervals."""
        for stats in monitor.get_stats():
            history = self._history.setdefault(stats.operation, deque(maxlen=_KEPT))
            history.append(stats.p95)

    def detect_degradation(self, operation: str, threshold: float = 1.5) -> bool:
        """Say whether the mean of the last five is above `threshold` times that of those before.

        This is the pattern's own rule; `course` takes the noise into account.

        The earlier ones are those before the last five, at most ten of them. Fewer than ten
        snapshots in all say nothing, and so does an unknown operation: False.
        """
        history = list(self._history.get(operation, ()))[-_EARLIER - _RECENT :]
        if len(history) < _NEEDED:
            return False
        return fmean(history[-_RECENT:]) > threshold * fmean(history[:-_RECENT])

    def course(self, operation: str) -> Course:
        """Say where the operation's p95 changed for good, or that it creeps.

        The same as `python -m pytest_perfmon history` says of stored runs, with snapshots in their
        place: positions count snapshots, the oldest that is kept being 0. One finds a change of
        noise in 3.5 % of operations where snapshots are independent of each other, so reset the
        monitor after each, or wait until most of the calls that it keeps are new ones.

        An unknown operation, or one of fewer than ten snapshots, has no course to tell.
        """
        history = self._history.get(operation, ())
        return courses_of([[NS_PER_MS * p95 for p95 in history]])[0]
