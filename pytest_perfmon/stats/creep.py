"""Does a figure creep, a little from run to run, where no single run changed it?

numpy is loaded when a series is looked at, not with this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from pytest_perfmon.stats.cusum import FEWEST_VALUES, autocorrelation, unshortened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Creep:
    """A steady trend.

    Attributes:
        ratio: level at the last run over that at the first, along the line.
        p: of the trend's being chance.
        left: mean square of what the line leaves of the log values.
    """

    ratio: float
    p: float
    left: float


def creep(logs: Sequence[float]) -> Creep | None:
    """Fit a steady trend and test it; None below ten values.

    The line is Theil and Sen's: its slope is the median of the slopes between all pairs of runs.
    The test is Mann and Kendall's, its variance times (1 + rho)/(1 - rho) for values of which each
    is correlated with the one before (Yue and Wang 2004, Water Resources Management 18:201, for
    long series); rho is that of what the line leaves, made larger by what a short series hides of
    it, and never below zero.

    Args:
        logs: natural logarithms of run-level figures, oldest first.
    """
    import numpy as np  # noqa: PLC0415 - slow to load

    n = len(logs)
    if n < FEWEST_VALUES:
        return None
    values = np.asarray(logs, dtype=np.float64)
    earlier, later = np.triu_indices(n, 1)
    rises = values[later] - values[earlier]
    slope = float(np.median(rises / (later - earlier)))
    left = values - slope * np.arange(n)
    left -= np.median(left)
    rho = unshortened(autocorrelation(left - left.mean()), n)
    variance = _variance(values) * (1 + rho) / (1 - rho)
    score = float(np.sign(rises).sum())
    z = (abs(score) - 1) / math.sqrt(variance) if score and variance else 0.0
    return Creep(
        ratio=math.exp(slope * (n - 1)),
        p=2 * NormalDist().cdf(-z),
        left=float((left**2).mean()),
    )


def _variance(values: Floats) -> float:
    """Give the variance of Kendall's score for independent values, equal ones counted."""
    import numpy as np  # noqa: PLC0415 - slow to load

    n = len(values)
    _, ties = np.unique(values, return_counts=True)
    equal = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return (n * (n - 1) * (2 * n + 5) - equal) / 18
