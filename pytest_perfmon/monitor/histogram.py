"""A histogram of integer nanoseconds that answers every quantile within 1.1 % of the truth.

The top sixteen bits of a value's float32 form are its exponent and seven mantissa bits: they number
128 bins an octave with no arithmetic in Python at all. Kept for good are 64 bins an octave, each
1/64 of its octave wide, so that a bin's middle is within 0.8 % of everything in it.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

BINS_PER_OCTAVE: Final = 64
_BITS: Final = BINS_PER_OCTAVE.bit_length() - 1
_EXPONENT_BIAS: Final = 127
_RECENT_BINS: Final = 256
_TOP_HALF: Final = 1 if sys.byteorder == "little" else 0
_EMPTY_OCTAVE: Final = bytes(8 * BINS_PER_OCTAVE)

Bins = tuple[tuple[int, int], ...]


def bin_middle_ns(number: int) -> float:
    """Give the value in nanoseconds that stands for a bin; exact below 128 ns."""
    if number == 0:
        return 0.0
    octave, place = divmod(number, BINS_PER_OCTAVE)
    width = 2.0 ** (octave - _EXPONENT_BIAS - _BITS)
    lowest = (BINS_PER_OCTAVE + place) * width
    # Bins hold integers: the last one inside is one below the next bin's edge.
    return lowest + max(0.0, width - 1) / 2


class LogHistogram:
    """Counts by bin, and the exact smallest and largest value; not thread-safe by itself.

    Takes at most 0.6 KB for each octave that was ever met, and 30 KB for the newest counts:
    under 70 KB whatever is put in, 5 to 15 KB for the latencies of one operation.
    """

    __slots__ = ("_highest_key", "_lowest_key", "_octaves", "_recent", "max_ns", "min_ns")

    def __init__(self) -> None:
        self._octaves: dict[int, array[int]] = {}
        self._recent: Counter[int] = Counter()
        self._lowest_key = self._highest_key = -1
        self.min_ns = self.max_ns = 0

    def add(self, values_ns: Sequence[int]) -> None:
        """Count the values: at least one, each from 0 to 2**62."""
        halves = array("H", array("f", values_ns).tobytes())
        recent = self._recent
        # A new extreme falls into a new bin or into an outermost one. Only then are all values
        # looked at again, which makes exact extremes nearly free.
        before = (len(recent), recent.get(self._lowest_key), recent.get(self._highest_key))
        recent.update(halves[_TOP_HALF::2])
        if before != (len(recent), recent.get(self._lowest_key), recent.get(self._highest_key)):
            self._widen(min(values_ns), max(values_ns))
        if len(recent) > _RECENT_BINS:
            self._settle()

    def add_bins(self, bins: Iterable[tuple[int, int]], *, min_ns: int, max_ns: int) -> None:
        """Count what another histogram counted, given as its `bins()` and its extremes."""
        for number, count in bins:
            self._count(number, count)
        self._widen(min_ns, max_ns)

    def bins(self) -> Bins:
        """Give (bin number, count) pairs in ascending order, without empty bins."""
        total: Counter[int] = Counter()
        for octave, counts in self._octaves.items():
            first = octave * BINS_PER_OCTAVE
            total.update({first + place: count for place, count in enumerate(counts) if count})
        for key, count in self._recent.items():
            total[key >> 1] += count
        return tuple(sorted(total.items()))

    def _widen(self, low: int, high: int) -> None:
        if self._lowest_key < 0 or low < self.min_ns:
            self.min_ns = low
        if self._lowest_key < 0 or high > self.max_ns:
            self.max_ns = high
        halves = array("H", array("f", (self.min_ns, self.max_ns)).tobytes())
        self._lowest_key, self._highest_key = halves[_TOP_HALF::2]

    def _settle(self) -> None:
        recent, self._recent = self._recent, Counter()
        for key, count in recent.items():
            self._count(key >> 1, count)

    def _count(self, number: int, count: int) -> None:
        octave, place = divmod(number, BINS_PER_OCTAVE)
        counts = self._octaves.get(octave)
        if counts is None:
            counts = self._octaves[octave] = array("Q", _EMPTY_OCTAVE)
        counts[place] += count


def quantile_of_bins(bins: Bins, q: float) -> float:
    """Give the quantile of the counted values in nanoseconds, interpolating between two ranks."""
    total = sum(count for _, count in bins)
    position = q * (total - 1)
    below = int(position)
    lower = _value_at(bins, below)
    if below == position:
        return lower
    return lower + (position - below) * (_value_at(bins, below + 1) - lower)


def _value_at(bins: Bins, rank: int) -> float:
    passed = 0
    for number, count in bins:
        passed += count
        if rank < passed:
            return bin_middle_ns(number)
    return bin_middle_ns(bins[-1][0])
