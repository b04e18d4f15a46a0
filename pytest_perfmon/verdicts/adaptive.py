"""The pattern's adaptive threshold: twice the baseline's p95."""

from __future__ import annotations

from typing import Final

from pytest_perfmon.verdicts.live import StatsSource

THRESHOLD_RATIO: Final = 2.0
DEFAULT_THRESHOLD_MS: Final = 1000.0
_MEDIAN_AGREES: Final = 1.5
_BEYOND_DOUBT: Final = 4.0


def exceeds_adaptive(p95_ratio: float, median_ratio: float) -> bool:
    """Say whether a figure is suspect beside one or two stored runs.

    A p95 beyond twice the baseline's happens to unchanged code on a shared machine in a quarter
    of runs or more; so the median has to agree (1.5x), or the p95 be beyond four times.

    Args:
        p95_ratio: new p95 over the baseline's.
        median_ratio: new median over the baseline's.
    """
    agrees = p95_ratio > THRESHOLD_RATIO and median_ratio >= _MEDIAN_AGREES
    return agrees or p95_ratio > _BEYOND_DOUBT


class AdaptiveThresholds:
    """Thresholds that follow what a monitor saw: twice each operation's p95 at the last update."""

    def __init__(self) -> None:
        self._baselines: dict[str, float] = {}

    def update(self, monitor: StatsSource) -> None:
        """Take the present p95 of every operation as its baseline."""
        self._baselines.update({one.operation: one.p95 for one in monitor.get_stats()})

    def get_threshold(self, operation: str) -> float:
        """Give the operation's threshold, milliseconds; 1000 where it is unknown."""
        baseline = self._baselines.get(operation)
        return THRESHOLD_RATIO * baseline if baseline else DEFAULT_THRESHOLD_MS
