"""Is a new run's figure what the stored runs predict?

Everything here is on the log scale and about run-level figures: one number a run. With few runs
the spread between runs is poorly known; it is shared with the other figures of the same suite by
moderating variances (Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3:3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from pytest_perfmon.stats.distributions import digamma, t_quantile, t_sf, trigamma

RUNS_NEEDED: Final = 3
_MOST_PRIOR_DF: Final = 4.0  # the moments fit uncapped is too sure of itself: 3-5 % wrong at k = 3
_LEAST_VARIANCE: Final = 1e-8  # a spread of 0.01 %: runs that agree closer share a coarse clock
_POWER: Final = 0.9


@dataclass(frozen=True, slots=True)
class Prior:
    """What the suite's other figures say about the spread between runs.

    Attributes:
        df: degrees of freedom that the prior is worth, 0 (nothing) to below 4.
        variance: of log run values.
    """

    df: float
    variance: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where the next run's log figure is expected, as Student's t.

    Attributes:
        mean: of the stored log figures.
        scale: of the difference between a new figure and `mean`, above zero.
        df: degrees of freedom, not only whole ones.
    """

    mean: float
    scale: float
    df: float

    def t(self, y: float) -> float:
        """Give how many scales the new log figure lies above the stored mean."""
        return (y - self.mean) / self.scale

    def p_slower(self, y: float) -> float:
        """Give the chance of a log figure this high or higher where nothing changed."""
        return t_sf(self.t(y), self.df)

    def interval(self, y: float, confidence: float = 0.95) -> tuple[float, float]:
        """Give the two-sided interval of the ratio new/old, for the new log figure y."""
        half = t_quantile((1 + confidence) / 2, self.df) * self.scale
        return math.exp(y - self.mean - half), math.exp(y - self.mean + half)

    def visible(self, alpha: float) -> float:
        """Give the smallest ratio new/old that a test at level `alpha` finds in 90 % of cases."""
        scales = t_quantile(1 - alpha, self.df) + t_quantile(_POWER, self.df)
        return math.exp(scales * self.scale)


def sample_variance(values: Sequence[float]) -> float:
    """Give the sample variance of two values or more.

    `statistics.variance` is exact in rational numbers, and many times slower.
    """
    mean = fmean(values)
    return math.fsum([(value - mean) ** 2 for value in values]) / (len(values) - 1)


def moderated_variance(spreads: Iterable[tuple[int, float]]) -> Prior:
    """Fit the prior of the spread between runs to a suite's figures, by moments of ln s².

    d0 = min(d0_hat, 4) (m - 1)/(m + 3) and ln s0² = mean(ln s² - ψ(df/2) + ln(df/2)), over the
    m figures; a suite of one says nothing about its own spread (d0 = 0, Student's plain t).

    Args:
        spreads: (degrees of freedom, sample variance of the log run values) a figure; those
            without a degree of freedom are left out.
    """
    known = [(df, max(s2, _LEAST_VARIANCE)) for df, s2 in spreads if df > 0]
    if not known:
        return Prior(0.0, 0.0)
    levels = [math.log(s2) - digamma(df / 2) + math.log(df / 2) for df, s2 in known]
    level = fmean(levels)
    m = len(known)
    if m == 1:
        return Prior(0.0, math.exp(level))
    excess = sample_variance(levels) - fmean(trigamma(df / 2) for df, _ in known)
    return Prior(_prior_df(excess) * (m - 1) / (m + 3), math.exp(level))


def _prior_df(excess: float) -> float:
    """Solve trigamma(d/2) = excess for d, at most `_MOST_PRIOR_DF`; trigamma only falls."""
    if excess <= trigamma(_MOST_PRIOR_DF / 2):
        return _MOST_PRIOR_DF
    low, high = 0.0, _MOST_PRIOR_DF
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if trigamma(middle / 2) > excess else (low, middle)
    return high


def predict(history: Sequence[float], prior: Prior) -> Prediction:
    """Predict the next run's log figure from the stored ones.

    The variance is (d0 s0² + df s²)/(d0 + df) with df = k - 1 (Smyth 2004, equation 3), times
    1 + 1/k for the new figure and the stored mean together.

    Args:
        history: natural logarithms of k run-level figures; verdicts want `RUNS_NEEDED`.
        prior: of the suite, from `moderated_variance`.

    Raises:
        ValueError: below two figures, which have no spread.
    """
    k = len(history)
    if k < 2:  # noqa: PLR2004 - a spread takes two
        raise ValueError(f"history holds {k} values: expected two or more")
    mean = fmean(history)
    df = k - 1
    own = max(sample_variance(history), _LEAST_VARIANCE)
    moderated = (prior.df * prior.variance + df * own) / (prior.df + df)
    return Prediction(mean, math.sqrt(moderated * (1 + 1 / k)), prior.df + df)
