"""The pattern's adaptive threshold: twice the baseline's p95."""

from __future__ import annotations

from typing import Final

THRESHOLD_RATIO: Final = 2.0
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
