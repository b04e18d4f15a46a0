"""A series as one short line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_LEAST_RANGE: Final = 0.1


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """Draw a series with eight heights, the lowest value lowest.

    Noise stays low: from bottom to top is at least 10 % of the median.

    Args:
        values: one or more, finite, not below zero.
        width: the most characters; neighbours share one by their median where there are more.
    """
    count = min(width, len(values))
    edges = [index * len(values) // count for index in range(count + 1)]
    shown = [median(values[a:b]) for a, b in pairwise(edges)]
    lowest = min(shown)
    reach = max(max(shown) - lowest, _LEAST_RANGE * median(shown)) or 1.0
    return "".join(_BARS[round((one - lowest) / reach * (len(_BARS) - 1))] for one in shown)
