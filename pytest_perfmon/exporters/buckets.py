"""Cut a monitor's fine histogram into the few buckets that other systems keep."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.bins import Bins
from pytest_perfmon.monitor.histogram import bin_middle_ns
from pytest_perfmon.units import NS_PER_S

_BIN_NUMBERS: Final = range(1 << 12)  # beyond 2**64 ns

GENERAL_BOUNDS_S: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Seconds that suit a cache as well as a page."""

REQUEST_BOUNDS_S: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Seconds; what OpenTelemetry's semantic conventions advise for `http.server.request.duration`."""


class Buckets:
    """Upper bounds in seconds, each belonging to its bucket; one more holds all that is longer.

    The monitor's histogram knows a duration within 0.8 %, so a call that close to a bound may be
    counted on its other side. The sum over all buckets is exact.

    Raises:
        UsageError: unless the bounds are ascending, finite and above zero.
    """

    __slots__ = ("_last_bins", "bounds_s")

    def __init__(self, bounds_s: Sequence[float]) -> None:
        ascending = all(a < b for a, b in pairwise(bounds_s))
        if not bounds_s or not ascending or not 0 < bounds_s[0] <= bounds_s[-1] < math.inf:
            raise UsageError(
                f"bounds are {bounds_s!r}: expected ascending seconds above zero,"
                " such as (0.005, 0.05, 0.5)"
            )
        self.bounds_s = tuple(bounds_s)
        self._last_bins = [
            bisect_right(_BIN_NUMBERS, bound * NS_PER_S, key=bin_middle_ns) - 1
            for bound in bounds_s
        ]

    def cumulative(self, bins: Bins) -> list[int]:
        """Give how many calls took no longer than each bound, and at the end how many there are."""
        passed = [0, *accumulate(bins.counts)]
        return [
            *(passed[bisect_right(bins.numbers, last)] for last in self._last_bins),
            passed[-1],
        ]

    def apart(self, bins: Bins) -> list[int]:
        """Give how many calls are in each bucket, one more than there are bounds."""
        cumulative = self.cumulative(bins)
        return [here - below for below, here in pairwise([0, *cumulative])]
