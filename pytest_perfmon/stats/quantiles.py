"""Quantiles of measured values, and what few values can say about them.

The estimate is Hyndman and Fan's type 8 (1996), nearly unbiased for the median whatever the
distribution; the interval is made of order statistics, exact for any continuous distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

CONFIDENCE: Final = 0.95
_FAR: Final = 12.0  # standard deviations beyond which a binomial has no mass that counts


def quantile(ordered: Sequence[float], p: float) -> float:
    """Estimate the p-quantile of sorted values: type 8 of Hyndman and Fan.

    Args:
        ordered: at least one value, ascending.
        p: from 0 to 1; where p lies beyond the outermost positions, the outermost value is given.

    Raises:
        ValueError: without values, or for another p.
    """
    n = len(ordered)
    if not n or not 0 <= p <= 1:
        raise ValueError(
            f"quantile of {n} values at p = {p!r}: expected a value or more and 0 <= p <= 1"
        )
    position = min(max((n + 1 / 3) * p + 1 / 3, 1.0), float(n))
    below = math.floor(position)
    low = float(ordered[below - 1])
    high = float(ordered[min(below, n - 1)])
    return low + (position - below) * (high - low)


def quantile_interval(
    ordered: Sequence[float], p: float, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Give a two-sided interval of the p-quantile from sorted values.

    Holds for independent values of any distribution; each tail is at most (1 - confidence)/2.

    Returns:
        Two of the values, or None where there are fewer than `calls_needed(p, confidence)`.
    """
    ranks = interval_ranks(len(ordered), p, confidence)
    if ranks is None:
        return None
    return float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1])


def interval_ranks(n: int, p: float, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Give the ranks (from 1) of the order statistics that bound the p-quantile of n values.

    The number of values at or below the quantile is binomial (n, p); David and Nagaraja,
    Order Statistics, section 7.1.
    """
    tail = (1 - confidence) / 2
    lower = _lower_rank(n, p, tail)
    mirrored = _lower_rank(n, 1 - p, tail)
    if not lower or not mirrored:
        return None
    return lower, n + 1 - mirrored


def calls_needed(p: float, confidence: float = CONFIDENCE) -> int:
    """Give the fewest values with a two-sided interval of the p-quantile: 72 for p95, 368 for p99.

    Raises:
        ValueError: for p not strictly between 0 and 1.
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p!r}: expected a probability between 0 and 1")
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(p, 1 - p)))


@lru_cache(maxsize=256)
def _lower_rank(n: int, p: float, tail: float) -> int:
    """Give the largest r with P(Binomial(n, p) < r) <= tail; 0 where even r = 1 has more."""
    if not 0 < p < 1:
        return 0
    spread = math.sqrt(n * p * (1 - p))
    k = max(0, math.floor(n * p - _FAR * spread))
    mass = math.exp(
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
    )
    below = 0.0
    while below + mass <= tail:
        below += mass
        k += 1
        mass *= (n - k + 1) / k * p / (1 - p)
    return k
