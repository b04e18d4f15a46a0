"""A histogram of integer nanoseconds that answers every quantile within 1.1 % of the truth.

Each octave is cut into 64 bins of equal width, so a bin holds the values with the same seven
leading bits and its middle is within 0.8 % of all of them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from typing import Final

from pytest_perfmon.monitor.bins import Bins

BINS_PER_OCTAVE: Final = 64
_LEADING_BITS: Final = BINS_PER_OCTAVE.bit_length()
_EMPTY_OCTAVE: Final = bytes(8 * BINS_PER_OCTAVE)


def bin_middle_ns(number: int) -> float:
    """Give the value in nanoseconds that stands for a bin; exact below 128 ns."""
    if number < 2 * BINS_PER_OCTAVE:
        return float(number)
    shift = number // BINS_PER_OCTAVE - 1
    lowest = (number - shift * BINS_PER_OCTAVE) << shift
    return lowest + ((1 << shift) - 1) / 2


@dataclass(frozen=True, slots=True)
class Durations:
    """How long some calls took; all zero and without bins where there were none.

    Attributes:
        total_ns: their exact sum.
        min_ns: the shortest of them.
        max_ns: the longest of them.
        bins: in which bins they are.
    """

    total_ns: int
    min_ns: int
    max_ns: int
    bins: Bins

    @property
    def count(self) -> int:
        """How many calls there were."""
        return sum(self.bins.counts)


class LogHistogram:
    """Counts by bin, and the exact sum, smallest and largest value; not thread-safe by itself.

    Takes 0.6 KB for each octave that was ever met: under 40 KB whatever is put in, about 3 KB for
    the latencies of one operation.
    """

    __slots__ = ("_octaves", "max_ns", "min_ns", "total_ns")

    def __init__(self) -> None:
        self._octaves: dict[int, array[int]] = {}
        self.total_ns = self.min_ns = self.max_ns = 0

    def add(self, values_ns: Sequence[int]) -> None:
        """Count the values: at least one, each at least 0."""
        ascending = sorted(values_ns)
        self._sum_up(sum(values_ns), ascending[0], ascending[-1])
        # One turn for each bin that is met, not for each value: the calls of an operation that is
        # quick enough for this to matter are much alike.
        start = 0
        while start < len(ascending):
            value = ascending[start]
            shift = max(value.bit_length() - _LEADING_BITS, 0)
            leading = value >> shift
            end = bisect_left(ascending, (leading + 1) << shift, start)
            self._count(shift * BINS_PER_OCTAVE + leading, end - start)
            start = end

    def merge(self, counted: Durations) -> None:
        """Count what another histogram counted."""
        if counted.bins:
            self._sum_up(counted.total_ns, counted.min_ns, counted.max_ns)
        for number, count in counted.bins:
            self._count(number, count)

    def durations(self) -> Durations:
        """Give what was counted up to now."""
        numbers: list[int] = []
        counts: list[int] = []
        for octave in sorted(self._octaves):
            in_octave = self._octaves[octave]
            lowest = octave * BINS_PER_OCTAVE
            numbers += compress(range(lowest, lowest + BINS_PER_OCTAVE), in_octave)
            counts += filter(None, in_octave)
        return Durations(self.total_ns, self.min_ns, self.max_ns, Bins(numbers, counts))

    def _sum_up(self, total: int, low: int, high: int) -> None:
        # Before the bins: without any, the extremes are those of nothing.
        self.min_ns = min(low, self.min_ns) if self._octaves else low
        self.max_ns = max(high, self.max_ns)
        self.total_ns += total

    def _count(self, number: int, count: int) -> None:
        octave, place = divmod(number, BINS_PER_OCTAVE)
        counts = self._octaves.get(octave)
        if counts is None:
            counts = self._octaves[octave] = array("Q", _EMPTY_OCTAVE)
        counts[place] += count


def quantile_of_bins(bins: Bins, q: float) -> float:
    """Give the quantile of the counted values in nanoseconds, interpolating between two ranks."""
    passed = list(accumulate(bins.counts))
    position = q * (passed[-1] - 1)
    below = int(position)
    lower, upper = (
        bin_middle_ns(bins.numbers[bisect_right(passed, rank)])
        for rank in (below, min(below + 1, passed[-1] - 1))
    )
    return lower + (position - below) * (upper - lower)
