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

from pytest_perfmon.stats.control_variate import ControlFit, fit_control
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


NO_PRIOR: Final = Prior(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """What one key's stored runs say by themselves.

    Attributes:
        runs: how many there are, two or more.
        mean: of their log figures.
        variance: of the log figures, or of what the control leaves of them.
        df: degrees of freedom of the variance.
        control: how the figure follows the control; None where that is not used.
    """

    runs: int
    mean: float
    variance: float
    df: int
    control: ControlFit | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where the next run's log figure is expected, as Student's t.

    Attributes:
        mean: of the stored log figures, moved by what the control explains.
        scale: of the difference between a new figure and `mean`, above zero.
        df: degrees of freedom, not only whole ones.
        variance: moderated, of one run's log figure.
        beyond: by how much the control's log reading lies above (or, negative, below) all stored
            ones. The figure may follow it that far or not; every claim is made for the worse case.
    """

    mean: float
    scale: float
    df: float
    variance: float
    beyond: float = 0.0

    def t(self, y: float) -> float:
        """Give how many scales the new log figure lies above the stored mean."""
        return (y - self.mean) / self.scale

    def p_slower(self, y: float) -> float:
        """Give the chance of a log figure this high or higher where nothing changed."""
        return t_sf(self.t(y - max(0.0, self.beyond)), self.df)

    def p_faster(self, y: float) -> float:
        """Give the chance of a log figure this low or lower where nothing changed."""
        return t_sf(-self.t(y - min(0.0, self.beyond)), self.df)

    def limit(self, alpha: float) -> float:
        """Give the log figure above which a run is slower at that one-sided level."""
        return self.mean + max(0.0, self.beyond) + t_quantile(1 - alpha, self.df) * self.scale

    def interval(self, y: float, confidence: float = 0.95) -> tuple[float, float]:
        """Give the two-sided interval of the ratio new/old, for the new log figure y."""
        half = t_quantile((1 + confidence) / 2, self.df) * self.scale
        slow, fast = self.mean + max(0.0, self.beyond), self.mean + min(0.0, self.beyond)
        return math.exp(y - slow - half), math.exp(y - fast + half)

    def visible(self, alpha: float) -> float:
        """Give the smallest ratio new/old that a test at level `alpha` finds in 90 % of cases."""
        power = t_quantile(_POWER, self.df) * self.scale
        return math.exp(self.limit(alpha) - self.mean + power)


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
        return NO_PRIOR
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


def fit_runs(figures: Sequence[float], readings: Sequence[float] | None = None) -> Fit:
    """Take the mean and the spread of stored runs.

    With readings of the control the spread is that around what it explains, with one degree of
    freedom less; that takes three runs.

    Args:
        figures: natural logarithms of k run-level figures.
        readings: natural logarithms of the control's readings in the same runs; None leaves the
            control out.

    Raises:
        ValueError: below two figures, which have no spread.
    """
    k = len(figures)
    if k < 2:  # noqa: PLR2004 - a spread takes two
        raise ValueError(f"figures holds {k} values: expected two or more")
    mean = fmean(figures)
    if readings is None or k < RUNS_NEEDED:
        return Fit(k, mean, max(sample_variance(figures), _LEAST_VARIANCE), k - 1)
    control = fit_control(figures, readings)
    left = [y - control.explained(x) - mean for y, x in zip(figures, readings, strict=True)]
    variance = math.fsum([one * one for one in left]) / (k - 2)
    return Fit(k, mean, max(variance, _LEAST_VARIANCE), k - 2, control)


def predict(fit: Fit, prior: Prior, reading: float = 0.0) -> Prediction:
    """Predict the next run's log figure from the stored ones.

    The variance is (d0 s0² + df s²)/(d0 + df) (Smyth 2004, equation 3), times 1 + 1/k for the new
    figure and the stored mean together, and more the further the control is from its mean.

    Args:
        fit: of the stored runs; verdicts want `RUNS_NEEDED` of them.
        prior: of the suite, from `moderated_variance`.
        reading: natural logarithm of the control's reading beside the new figure; of no effect
            where the fit has no control.
    """
    df = prior.df + fit.df
    variance = (prior.df * prior.variance + fit.df * fit.variance) / df
    if fit.control is None:
        return Prediction(fit.mean, math.sqrt(variance * (1 + 1 / fit.runs)), df, variance)
    spread = 1 + 1 / fit.runs + fit.control.leverage(reading)
    mean = fit.mean + fit.control.explained(reading)
    beyond = fit.control.beyond(reading)
    return Prediction(mean, math.sqrt(variance * spread), df, variance, beyond)


def typical_room(fits: Sequence[Fit], prior: Prior, level: float) -> float:
    """Give how far above its mean a figure may typically be, on the log scale: a geometric mean.

    Of all figures together this says which of two ways to fit them is the sharper one; chosen by
    so many, the choice itself hardly favours chance.

    Args:
        fits: one or more.
        prior: of the same fits.
        level: one-sided.
    """
    rooms = [
        t_quantile(1 - level, prediction.df) * prediction.scale
        for prediction in (
            predict(one, prior, one.control.mean if one.control else 0.0) for one in fits
        )
    ]
    return math.exp(fmean(map(math.log, rooms)))
