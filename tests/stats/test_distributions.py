"""Student's t against printed tables, closed forms and numeric integration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.distributions import digamma, t_cdf, t_quantile, t_sf, trigamma


def density(x: float, df: float) -> float:
    """Give the density of Student's t at x."""
    log_front = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return math.exp(log_front - (df + 1) / 2 * math.log1p(x * x / df))


def area_from_zero(t: float, df: float, steps: int = 2000) -> float:
    """Integrate the density by Simpson's rule: the slow twin of the continued fraction."""
    width = t / steps
    inner = sum((4 if i % 2 else 2) * density(i * width, df) for i in range(1, steps))
    return (density(0, df) + inner + density(t, df)) * width / 3


@pytest.mark.parametrize(
    ("p", "df", "printed"),
    [
        (0.95, 1, 6.314),
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.95, 3, 2.353),
        (0.995, 5, 4.032),
        (0.975, 10, 2.228),
        (0.999, 10, 4.144),
        (0.95, 30, 1.697),
        (0.9995, 120, 3.373),
        (0.975, 1e7, 1.960),
    ],
)
def test_quantiles_are_those_of_printed_tables(p, df, printed):
    """Quantiles agree with the three decimals that tables of Student's t print."""
    assert t_quantile(p, df) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize("df", [0.7, 1, 1.9, 4.33, 12, 80])
@pytest.mark.parametrize("t", [0.2, 1.0, 2.5, 6.0])
def test_tail_agrees_with_integration(t, df):
    """The tail agrees with numeric integration of the density, fractional degrees included."""
    assert t_sf(t, df) == pytest.approx(0.5 - area_from_zero(t, df), abs=1e-10)


def test_one_and_two_degrees_have_closed_forms():
    """One degree of freedom is Cauchy's distribution and two has an algebraic form, far out too."""
    for t in (0.01, 1.0, 30.0, 1e5):
        assert t_sf(t, 1) == pytest.approx(math.atan2(1, t) / math.pi, rel=1e-11)
    for t in (0.01, 1.0, 30.0):
        assert t_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), rel=1e-12)


@given(st.floats(-50, 50), st.floats(0.5, 200))
def test_tails_mirror_each_other(t, df):
    """The distribution is symmetric, and both sides add up to one."""
    assert t_cdf(t, df) == t_sf(-t, df)
    assert t_cdf(t, df) + t_sf(t, df) == pytest.approx(1, abs=1e-13)


@given(st.floats(1e-9, 0.499), st.floats(0.5, 200))
def test_quantile_inverts_the_tail(p, df):
    """The quantile of p has p below it, to nine digits even where p is tiny."""
    assert t_cdf(t_quantile(p, df), df) == pytest.approx(p, rel=1e-9)
    assert t_quantile(1 - p, df) == pytest.approx(-t_quantile(p, df), rel=1e-6)


def test_median_is_zero():
    """Half of the distribution lies below zero."""
    assert t_quantile(0.5, 3) == pytest.approx(0, abs=1e-12)


def test_impossible_arguments_are_named():
    """Degrees of freedom at zero and probabilities outside (0, 1) are errors that show them."""
    with pytest.raises(ValueError, match="df is 0: expected"):
        t_sf(1.0, 0)
    for p in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match=f"p is {p!r}: expected"):
            t_quantile(p, 3)


def test_digamma_and_trigamma_have_their_known_values():
    """At 1 and 1/2 both have closed forms."""
    euler = 0.5772156649015329
    assert digamma(1) == pytest.approx(-euler, abs=1e-13)
    assert digamma(0.5) == pytest.approx(-euler - 2 * math.log(2), abs=1e-13)
    assert trigamma(1) == pytest.approx(math.pi**2 / 6, abs=1e-13)
    assert trigamma(0.5) == pytest.approx(math.pi**2 / 2, abs=1e-12)


@given(st.floats(0.05, 60))
def test_digamma_and_trigamma_are_derivatives(x):
    """They agree with difference quotients of ln Γ, the slow way to the same numbers."""
    h = 1e-4 * x
    slope = (math.lgamma(x + h) - math.lgamma(x - h)) / (2 * h)
    assert digamma(x) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert trigamma(x) == pytest.approx((digamma(x + h) - digamma(x - h)) / (2 * h), rel=1e-5)
