"""The coefficient of the control, against a slow fit, and what it may explain."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_perfmon.stats.control_variate import ControlFit, fit_control

LOGS = st.lists(
    st.tuples(st.floats(-5, 20), st.floats(-5, 20)), min_size=2, max_size=30
)  # figure and reading of a run


def columns(pairs):
    """Figures and readings, apart."""
    return [y for y, _ in pairs], [x for _, x in pairs]


def slow_coefficient(figures, readings):
    """Walk through coefficients for the least squared error, penalty included."""
    k = len(figures)
    mean_y, mean_x = sum(figures) / k, sum(readings) / k

    def loss(b):
        error = sum(
            ((y - mean_y) - b * (x - mean_x)) ** 2 for y, x in zip(figures, readings, strict=True)
        )
        return error + k * 0.01**2 * b * b

    return min((step / 200 for step in range(201)), key=loss)


@given(LOGS)
def test_the_coefficient_is_that_of_the_least_penalised_error(pairs):
    """The formula finds what trying every two-hundredth between 0 and 1 finds."""
    figures, readings = columns(pairs)
    assume(max(readings) - min(readings) > 0.05)
    found = fit_control(figures, readings).coefficient
    assert found == pytest.approx(slow_coefficient(figures, readings), abs=0.0051)


@given(LOGS, st.floats(-3, 3), st.floats(-3, 3), st.randoms(use_true_random=False))
def test_neither_units_nor_order_matter(pairs, of_figures, of_readings, rng):
    """Other units of figure and control, and another order of runs, give the same coefficient."""
    here = fit_control(*columns(pairs))
    moved = [(y + of_figures, x + of_readings) for y, x in rng.sample(pairs, len(pairs))]
    there = fit_control(*columns(moved))
    assert there.coefficient == pytest.approx(here.coefficient, abs=1e-6)
    assert there.spread == pytest.approx(here.spread, rel=1e-6, abs=1e-9)


@given(LOGS, st.floats(-10, 30))
def test_nothing_is_explained_beyond_the_stored_readings(pairs, reading):
    """A reading is split in what was seen before and what lies beyond; only the first explains."""
    fit = fit_control(*columns(pairs))
    assert fit.mean + fit.deviation(reading) + fit.beyond(reading) == pytest.approx(reading)
    inside = min(max(reading, fit.low), fit.high)
    assert fit.explained(reading) == fit.explained(inside)
    assert fit.leverage(reading) == fit.leverage(inside)
    assert (fit.beyond(reading) == pytest.approx(0, abs=1e-9)) is (
        fit.low - 1e-9 <= reading <= fit.high + 1e-9
    )


def test_a_figure_in_step_with_the_control_follows_it():
    """Twice as slow together: the coefficient is close to 1, and explains the difference."""
    fit = fit_control([1.0, 1.7, 1.0, 1.7], [5.0, 5.7, 5.0, 5.7])
    assert fit.coefficient == pytest.approx(1.0, abs=0.001)
    assert fit.explained(5.7) == pytest.approx(0.35, abs=0.001)


@pytest.mark.parametrize(
    ("figures", "coefficient"),
    [([1.0, 3.0, 1.0, 3.0], 1.0), ([3.0, 1.0, 3.0, 1.0], 0.0), ([1.0, 1.0, 1.0, 1.0], 0.0)],
)
def test_the_coefficient_stays_between_nothing_and_in_step(figures, coefficient):
    """More than in step is 1; against the control, or not at all, is 0."""
    assert fit_control(figures, [5.0, 6.0, 5.0, 6.0]).coefficient == coefficient


def test_a_control_that_stood_still_tells_little():
    """Readings that differ by less than they are uncertain by draw the coefficient to 0."""
    figures, readings = [1.0, 1.001, 1.0, 1.001], [5.0, 5.001, 5.0, 5.001]
    assert fit_control(figures, readings).coefficient < 0.01


def test_figures_and_readings_belong_together():
    """One reading for each figure."""
    with pytest.raises(ValueError, match="shorter"):
        fit_control([1.0, 2.0], [1.0])


def test_a_fit_says_what_it_is_made_of():
    """Mean, ends and spread are those of the readings, the spread with 0.01² a run."""
    fit = fit_control([1.0, 1.0], [4.0, 6.0])
    assert fit == ControlFit(0.0, 5.0, 4.0, 6.0, pytest.approx(2.0002))
