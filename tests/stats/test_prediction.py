"""Prediction from stored runs, against textbook numbers and a slow fit."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.distributions import t_quantile, t_sf, trigamma
from pytest_perfmon.stats.prediction import (
    Prediction,
    Prior,
    fit_runs,
    moderated_variance,
    predict,
    typical_room,
)

LOGS = st.lists(st.floats(-5, 20), min_size=2, max_size=30)
NOTHING = Prior(0.0, 0.0)


def test_without_a_prior_it_is_the_plain_t_test():
    """Three runs of 10, 11 and 12 against a 15 give the textbook's prediction t, two degrees."""
    prediction = predict(fit_runs([10.0, 11.0, 12.0]), NOTHING)
    assert prediction == Prediction(11.0, pytest.approx(math.sqrt(4 / 3)), 2.0, 1.0)
    assert prediction.t(15.0) == pytest.approx(4 / math.sqrt(4 / 3))
    assert prediction.p_slower(15.0) == pytest.approx(t_sf(3.4641016, 2))


def test_a_prior_moderates_the_variance():
    """Two degrees of own variance 1 and three of 0.25 mix to (3 0.25 + 2 1)/5 on five degrees."""
    prediction = predict(fit_runs([10.0, 11.0, 12.0]), Prior(3.0, 0.25))
    assert prediction.df == 5
    assert prediction.scale == pytest.approx(math.sqrt(0.55 * 4 / 3))


@given(LOGS, st.floats(-5, 20), st.floats(-3, 3))
def test_another_unit_changes_no_verdict(history, y, shift):
    """Adding a constant to all logs, a change of unit, leaves p-values and ratios alone."""
    here = predict(fit_runs(history), NOTHING)
    there = predict(fit_runs([value + shift for value in history]), NOTHING)
    assert there.scale == pytest.approx(here.scale, rel=1e-6)
    assert there.p_slower(y + shift) == pytest.approx(here.p_slower(y), rel=1e-4, abs=1e-9)


@given(LOGS, st.randoms(use_true_random=False))
def test_order_of_the_runs_does_not_matter(history, rng):
    """Stored runs are exchangeable: any order predicts the same."""
    one, other = (
        predict(fit_runs(history), NOTHING),
        predict(fit_runs(rng.sample(history, len(history))), NOTHING),
    )
    assert (one.mean, one.scale) == pytest.approx((other.mean, other.scale), rel=1e-9, abs=1e-9)


@given(LOGS, st.floats(-5, 20))
def test_interval_holds_the_ratio_seen(history, y):
    """The interval of the ratio is around new over old, on the log scale in its middle."""
    prediction = predict(fit_runs(history), NOTHING)
    low, high = prediction.interval(min(y, prediction.mean + 1))
    if low > 0 and math.isfinite(high):
        middle = (math.log(low) + math.log(high)) / 2
        assert middle == pytest.approx(min(y, prediction.mean + 1) - prediction.mean, abs=1e-9)


def test_interval_and_p_value_agree():
    """A ratio's 90 % interval begins at 1 exactly where the one-sided p-value is 5 %."""
    prediction = predict(fit_runs([0.0, 0.02, 0.01, 0.03]), Prior(2.0, 1e-4))
    y = prediction.mean + prediction.scale * t_quantile(0.95, prediction.df)
    assert prediction.p_slower(y) == pytest.approx(0.05)
    assert prediction.interval(y, 0.90)[0] == pytest.approx(1.0)


def test_visible_change_is_found_in_nine_of_ten_cases():
    """Where a run is slower by the visible ratio, 90 % of t-distributed noise crosses the bar."""
    prediction = predict(fit_runs([0.0, 0.02, 0.01, 0.03]), Prior(2.0, 1e-4))
    shift = math.log(prediction.visible(0.01)) / prediction.scale
    bar = t_quantile(0.99, prediction.df)
    assert t_sf(bar - shift, prediction.df) == pytest.approx(0.9)


def test_runs_that_agree_to_the_last_digit_prove_no_certainty():
    """Equal figures, a coarse clock's, leave a spread of 0.01 % instead of none."""
    prediction = predict(fit_runs([3.0, 3.0, 3.0]), NOTHING)
    assert prediction.scale == pytest.approx(1e-4 * math.sqrt(4 / 3))
    assert moderated_variance([(2, 0.0)]).variance > 0


def test_one_run_has_no_spread():
    """A single stored run cannot predict, and the message says how many it holds."""
    with pytest.raises(ValueError, match="figures holds 1 values"):
        predict(fit_runs([1.0]), NOTHING)


def test_a_suite_of_one_or_none_moderates_nothing():
    """Without other figures the prior is worth no degree of freedom."""
    assert moderated_variance([]) == NOTHING
    assert moderated_variance([(0, 1.0), (0, 2.0)]) == NOTHING
    assert moderated_variance([(3, 0.5)]).df == 0


def test_equal_spreads_reach_the_cap():
    """Where sample variances differ less than chance makes them, d0 is 4 (m - 1)/(m + 3)."""
    assert moderated_variance([(4, 0.01)] * 12).df == pytest.approx(4 * 11 / 15)
    assert moderated_variance([(4, 0.01)] * 2).df == pytest.approx(4 / 5)


def test_very_different_spreads_are_hardly_pooled():
    """Where spreads differ by orders of magnitude the prior is worth little."""
    assert moderated_variance([(20, 10.0 ** (i % 7)) for i in range(14)]).df < 0.6


def slow_prior(spreads: list[tuple[int, float]]) -> tuple[float, float]:
    """Walk d0 up in small steps until trigamma(d0/2) no longer exceeds the excess variance."""
    euler = 0.5772156649015329

    def psi(x: float) -> float:
        terms = 20_000
        tail = math.log((terms + x) / (terms + 1)) + (x - 1) / (2 * terms * terms)
        return -euler + sum(1 / (k + 1) - 1 / (k + x) for k in range(terms)) + tail

    levels = [math.log(s2) - psi(df / 2) + math.log(df / 2) for df, s2 in spreads]
    m = len(levels)
    excess = statistics.variance(levels) - sum(trigamma(df / 2) for df, _ in spreads) / m
    d0 = 0.001
    while d0 < 4 and trigamma(d0 / 2) > excess:
        d0 += 0.001
    return d0 * (m - 1) / (m + 3), math.exp(sum(levels) / m)


@pytest.mark.parametrize("seed", range(4))
def test_prior_agrees_with_a_slow_fit(seed):
    """Bisection and series give what small steps and long sums give."""
    rng = random.Random(seed)
    spreads = [(rng.randint(1, 9), math.exp(rng.gauss(-8, 1.5))) for _ in range(8)]
    prior = moderated_variance(spreads)
    assert (prior.df, prior.variance) == pytest.approx(slow_prior(spreads), rel=5e-3)


@given(st.lists(st.tuples(st.integers(1, 29), st.floats(1e-6, 1.0)), min_size=1, max_size=20))
def test_prior_follows_the_scale_of_the_spreads(spreads):
    """Spreads three times as wide give nine times the prior variance and the same weight."""
    prior = moderated_variance(spreads)
    wider = moderated_variance([(df, 9 * s2) for df, s2 in spreads])
    assert wider.variance == pytest.approx(9 * prior.variance, rel=1e-9)
    assert wider.df == pytest.approx(prior.df, rel=1e-6, abs=1e-9)
    assert 0 <= prior.df < 4


FIGURES = (1.0, 1.42, 1.01, 1.39, 1.0)
READINGS = (5.0, 5.4, 5.0, 5.4, 5.01)


def test_the_control_takes_out_what_it_explains_and_a_degree_of_freedom():
    """Five runs of two machine speeds: the spread is that around the control, on three degrees."""
    fit, plain = fit_runs(FIGURES, READINGS), fit_runs(FIGURES)
    assert (fit.df, plain.df) == (3, 4)
    left = [y - fit.control.explained(x) for y, x in zip(FIGURES, READINGS, strict=True)]
    assert fit.variance == pytest.approx(statistics.variance(left) * 4 / 3)
    assert fit.variance < plain.variance / 50
    slow, fast = predict(fit, NOTHING, 5.4), predict(fit, NOTHING, 5.0)
    assert (slow.mean, fast.mean) == pytest.approx((1.40, 1.0), abs=0.01)


def test_two_runs_have_no_coefficient():
    """Two runs fit any coefficient: nothing would be left to tell the spread."""
    assert fit_runs(FIGURES[:2], READINGS[:2]) == fit_runs(FIGURES[:2])
    assert predict(fit_runs(FIGURES[:2], READINGS[:2]), NOTHING, 9.0).beyond == 0.0
    assert fit_runs(FIGURES[:3], READINGS[:3]).df == 1


def test_the_typical_room_is_between_the_rooms():
    """Half the quantile times scale of each, on the log scale in their middle."""
    fits = [fit_runs([0.0, 0.1, 0.2]), fit_runs([0.0, 0.4, 0.8])]
    one, other = (predict(fit, NOTHING).limit(0.05) - fit.mean for fit in fits)
    assert other == pytest.approx(4 * one)
    assert typical_room(fits, NOTHING, 0.05) == pytest.approx(2 * one)
    assert typical_room([fit_runs(FIGURES, READINGS)], NOTHING, 0.05) < typical_room(
        [fit_runs(FIGURES)], NOTHING, 0.05
    )


def test_a_control_far_from_its_mean_widens_the_prediction():
    """What an uncertain coefficient adds is zero at the mean and grows with the distance."""
    fit = fit_runs(FIGURES, READINGS)
    middle = predict(fit, NOTHING, fit.control.mean)
    assert middle.scale == pytest.approx(math.sqrt(fit.variance * 1.2))
    assert predict(fit, NOTHING, 5.4).scale > middle.scale


@pytest.mark.parametrize("reading", [5.6, 4.8])
def test_beyond_all_stored_readings_every_claim_is_made_for_the_worse_case(reading):
    """A figure may or may not follow the control there; neither is called slower nor faster."""
    fit = fit_runs(FIGURES, READINGS)
    outside = predict(fit, NOTHING, reading)
    edge = predict(fit, NOTHING, min(max(reading, 5.0), 5.4))
    beyond = outside.beyond
    assert beyond == pytest.approx(reading - min(max(reading, 5.0), 5.4))
    assert outside.p_slower(1.5) == pytest.approx(edge.p_slower(1.5 - max(0, beyond)))
    assert outside.p_faster(0.9) == pytest.approx(edge.p_faster(0.9 - min(0, beyond)))
    (low, high), (inner_low, inner_high) = outside.interval(1.2), edge.interval(1.2)
    assert (low < inner_low) is (beyond > 0)
    assert (high > inner_high) is (beyond < 0)
    assert (outside.visible(0.01) > edge.visible(0.01)) is (beyond > 0)


@given(LOGS, st.floats(0.001, 0.2), st.floats(-1, 1))
def test_the_limit_is_where_the_p_value_is_the_level(history, alpha, beyond):
    """A figure at the limit has just the p-value of the level, on both sides."""
    prediction = replace(predict(fit_runs(history), NOTHING), beyond=beyond)
    limit = prediction.limit(alpha)
    assert prediction.p_slower(limit) == pytest.approx(alpha, rel=1e-4)
    mirrored = replace(prediction, beyond=-beyond)
    assert mirrored.p_faster(2 * prediction.mean - limit) == pytest.approx(alpha, rel=1e-4)
