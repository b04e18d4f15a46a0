"""Is a running application getting slower? The pattern's rule on snapshots of its monitor."""

from __future__ import annotations

from collections import deque
from statistics import fmean
from typing import Final

from pytest_perfmon.verdicts.live import StatsSource

_RECENT: Final = 5
_EARLIER: Final = 10
_NEEDED: Final = 10


class PerformanceTrends:
    """Remembers each operation's p95 at the last fifteen snapshots."""

    def __init__(self) -> None:
        self._history: dict[str, deque[float]] = {}

    def record_snapshot(self, monitor: StatsSource) -> None:
        """Remember the present p95 of every operation; call it at even intervals."""
        for stats in monitor.get_stats():
            history = self._history.setdefault(stats.operation, deque(maxlen=_EARLIER + _RECENT))
            history.append(stats.p95)

    def detect_degradation(self, operation: str, threshold: float = 1.5) -> bool:
        """Say whether the mean of the last five is above `threshold` times that of those before.

        The earlier ones are those before the last five, at most ten of them. Fewer than ten
        snapshots in all say nothing, and so does an unknown operation: False.
        """
        history = list(self._history.get(operation, ()))
        if len(history) < _NEEDED:
            return False
        return fmean(history[-_RECENT:]) > threshold * fmean(history[:-_RECENT])
