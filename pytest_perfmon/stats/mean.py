"""The mean of measured values with an interval that neighbouring values' likeness does not fool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pytest_perfmon.stats.distributions import t_quantile

VALUES_NEEDED: Final = 16  # four batches of four: fewer give a t interval that says nothing


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Give a two-sided interval of the mean, by the method of non-overlapping batch means.

    The values are cut, in the order in which they were made, into about sqrt(n) batches of about
    sqrt(n); where neither drifts nor bursts outlast a batch, batch means are nearly independent
    and nearly normal, and Student's t holds (Law, Simulation Modeling and Analysis, 9.5).

    Args:
        values: in the order in which they were made.
        confidence: of both sides together.

    Returns:
        Lower and upper end in the values' unit, or None below `VALUES_NEEDED` values.
    """
    n = len(values)
    if n < VALUES_NEEDED:
        return None
    batches = math.isqrt(n)
    edges = [index * n // batches for index in range(batches + 1)]
    means = [math.fsum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    centre = math.fsum(values) / n
    middle = math.fsum(means) / batches
    variance = math.fsum((mean - middle) ** 2 for mean in means) / (batches - 1)
    half = t_quantile((1 + confidence) / 2, batches - 1) * math.sqrt(variance / batches)
    return centre - half, centre + half
