"""How far a figure follows the machine: a coefficient for each operation, and what it explains.

The reference loop is read around every measurement. A machine that is slower in one run than in
another slows both, but not all code alike: what waits for memory or runs in C follows an
interpreter loop by half, or not at all. So each operation has a coefficient of its own, which its
stored runs tell, held in [0, 1] and drawn towards 0 by a ridge penalty (Hoerl and Kennard 1970,
Technometrics 12:55). Everything is on the log scale, where the coefficient is an exponent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

_READING_SD: Final = 0.01  # what the log of one run's reading, a median of ten, is uncertain by


@dataclass(frozen=True, slots=True)
class ControlFit:
    """What the stored runs say of an operation and the control.

    Attributes:
        coefficient: the exponent, 0 (does not follow the control) to 1 (in step with it).
        mean: of the stored log readings.
        low, high: the smallest and the largest of them.
        spread: sum of squared deviations of the readings, penalty included.
    """

    coefficient: float
    mean: float
    low: float
    high: float
    spread: float

    def deviation(self, reading: float) -> float:
        """Give how far a log reading lies from the mean, no further than the stored ones do."""
        return min(max(reading, self.low), self.high) - self.mean

    def beyond(self, reading: float) -> float:
        """Give by how much a log reading lies above (or, negative, below) all stored ones.

        What a figure does there is not known; it may follow the control or not.
        """
        return reading - self.mean - self.deviation(reading)

    def explained(self, reading: float) -> float:
        """Give the part of a log figure's deviation that the control accounts for."""
        return self.coefficient * self.deviation(reading)

    def leverage(self, reading: float) -> float:
        """Give what an uncertain coefficient adds to the variance, in units of the residual's."""
        return self.deviation(reading) ** 2 / self.spread


def fit_control(figures: Sequence[float], readings: Sequence[float]) -> ControlFit:
    """Fit the coefficient: S_xy / (S_xx + k 0.01²), held in [0, 1].

    The penalty is the share of S_xx that is the reading's own uncertainty.

    Args:
        figures: log figures of k stored runs, one or more.
        readings: log readings of the control in the same runs.

    Raises:
        ValueError: for sequences of different lengths.
    """
    mean_figure, mean = fmean(figures), fmean(readings)
    pairs = list(zip(figures, readings, strict=True))
    spread = math.fsum((x - mean) ** 2 for _, x in pairs) + len(pairs) * _READING_SD**2
    common = math.fsum((y - mean_figure) * (x - mean) for y, x in pairs)
    coefficient = min(1.0, max(0.0, common / spread))
    return ControlFit(coefficient, mean, min(readings), max(readings), spread)
