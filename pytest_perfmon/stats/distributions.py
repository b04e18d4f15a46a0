"""Student's t and the derivatives of ln Γ, in plain `math`, to about twelve digits."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_TINY: Final = 1e-300
_PRECISION: Final = 1e-15
_MOST_STEPS: Final = 10_000
_ASYMPTOTIC_FROM: Final = 10.0  # where the series below are exact to 1e-13


def t_sf(t: float, df: float) -> float:
    """Give P(T > t) for Student's t with `df` degrees of freedom (above zero, not only whole)."""
    if df <= 0:
        raise ValueError(f"df is {df!r}: expected degrees of freedom above zero")
    tail = 0.5 * _incomplete_beta(df / (df + t * t), df / 2, 0.5)
    return tail if t >= 0 else 1.0 - tail


def t_cdf(t: float, df: float) -> float:
    """Give P(T <= t) for Student's t with `df` degrees of freedom."""
    return t_sf(-t, df)


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """Give the t with P(T <= t) = p, for p strictly between 0 and 1.

    Bisection on the tail, so that small levels such as alpha/m keep their digits.
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p!r}: expected a probability between 0 and 1")
    if p < 0.5:  # noqa: PLR2004 - the median, by symmetry 0
        return -_upper_quantile(p, df)
    return _upper_quantile(1 - p, df)


def _upper_quantile(tail: float, df: float) -> float:
    high = 1.0
    while t_sf(high, df) > tail:
        high *= 2
    low = 0.0
    while high - low > _PRECISION * max(1.0, high):
        middle = (low + high) / 2
        if t_sf(middle, df) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Give the regularised incomplete beta function I_x(a, b).

    Its continued fraction (DLMF 8.17.22) converges fast below the mean; above it the mirrored
    one is taken.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction by Lentz's method as Thompson and Barnett modified it."""
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1))
    value = d
    for step in range(1, _MOST_STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for numerator in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + numerator * d)
            c = _away_from_zero(1.0 + numerator / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def digamma(x: float) -> float:
    """Give the derivative of ln Γ at x above zero (DLMF 5.5.2 up to 10, then 5.11.2)."""
    shift = 0.0
    while x < _ASYMPTOTIC_FROM:
        shift -= 1 / x
        x += 1
    r = 1 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132)))))
    return shift + math.log(x) - 0.5 / x - series


def trigamma(x: float) -> float:
    """Give the second derivative of ln Γ at x above zero (DLMF 5.15.5 up to 10, then 5.15.8)."""
    shift = 0.0
    while x < _ASYMPTOTIC_FROM:
        shift += 1 / (x * x)
        x += 1
    r = 1 / (x * x)
    series = r * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * (5 / 66)))))
    return shift + 1 / x + r / 2 + series / x
