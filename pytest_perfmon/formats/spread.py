"""How widely the values of an operation lie, as far as a stored run still says it.

A run keeps no raw values and neither a standard deviation nor quartiles. What it keeps are its
shortest and longest value, four quantiles, and a histogram whose bins are 4.4 % wide: points of
the cumulative distribution, between which values are taken to lie evenly. So each estimate is of
values that are off by half a bin, 2.2 %, at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pytest_perfmon.model.measurement import Summary
from pytest_perfmon.stats.summary import BINS_PER_OCTAVE

_LAST: Final = 63 * BINS_PER_OCTAVE
_QUANTILES: Final = {"median": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Spread:
    """The values behind a summary.

    Attributes:
        count: how many there are.
        points: (nanoseconds, share of values at or below), both ascending, from share 0 to 1.
    """

    count: int
    points: tuple[tuple[float, float], ...]

    def within(self, low_ns: float, high_ns: float) -> float:
        """Give the share of values from one time to another, both included."""
        return self._up_to(high_ns, including=True) - self._up_to(low_ns, including=False)

    def _up_to(self, ns: float, *, including: bool) -> float:
        share = 0.0
        for (low, first), (high, last) in pairwise(self.points):
            if ns > high or (ns == high and including):
                share = last
            elif ns > low:
                return first + (last - first) * (ns - low) / (high - low)
        return share

    def quantile(self, p: float) -> float:
        """Give the time that a share p of the values does not exceed."""
        for (low, first), (high, last) in pairwise(self.points):
            if last >= p:
                return high if last == first else low + (high - low) * (p - first) / (last - first)
        return self.points[-1][0]

    @property
    def deviation(self) -> float:
        """The sample standard deviation; 0 of a single value."""
        if self.count == 1:
            return 0.0
        first = second = 0.0
        start = self.points[0][0]  # distances from it lose no digits to the square
        for (low, before), (high, after) in pairwise(self.points):
            a, b, share = low - start, high - start, after - before
            first += share * (a + b) / 2
            second += share * (a * a + a * b + b * b) / 3
        variance = max(0.0, second - first * first)
        return math.sqrt(variance * self.count / (self.count - 1))


def spread_of(summary: Summary) -> Spread | None:
    """Read the spread off a summary; None where it has no distribution."""
    count = sum(number for _, number in summary.distribution)
    if count < 1 or summary.min > summary.max:
        return None
    points = [(summary.min, 0.0)]
    for ns, share in [*sorted(_known(summary, count)), (summary.max, 1.0)]:
        points.append((max(ns, points[-1][0]), max(share, points[-1][1])))
    return Spread(count, tuple(points))


def _known(summary: Summary, count: int) -> Iterator[tuple[float, float]]:
    """Give the points that the bins' edges and the quantiles make, in any order."""
    below = 0
    for at, number in summary.distribution:
        for edge, share in ((at, below / count), (at + 1, (below + number) / count)):
            # the first bin holds all that is shorter; no time in a run is beyond the last
            ns = 2.0 ** (min(edge, _LAST) / BINS_PER_OCTAVE) if edge > 0 else 0.0
            yield min(max(ns, summary.min), summary.max), share
        below += number
    for name, p in _QUANTILES.items():
        ns = getattr(summary, name)
        if summary.min <= ns <= summary.max:
            yield ns, p
