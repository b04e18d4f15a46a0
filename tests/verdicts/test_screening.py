"""Where a figure was expected, by scripted stored runs: window, control, machine, threshold."""

from __future__ import annotations

import math

import pytest
from baseline_runs import KEY, MS, figures, stored
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.codec import from_plain, to_plain
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.threshold import Threshold
from pytest_perfmon.model.verdict import Change
from pytest_perfmon.stats.distributions import t_quantile
from pytest_perfmon.verdicts.screening import SCREENING_LEVEL, Screener, suite_of

OLD = (100.0, 101.0, 99.0, 100.5, 99.5, 100.0, 101.0, 99.0, 100.5, 99.5)
NEW = (130.0, 131.0, 129.0, 130.5, 129.5, 130.0)
SPEEDS = (1.0, 1.4, 1.0, 1.4, 1.0, 1.4)
FOLLOWS = tuple(100 * one + (n % 3 - 1) for n, one in enumerate(SPEEDS))


def screener(values, *, others=0, least=0.02):
    """A screener of stored values, in a suite where `others` have the same history."""
    windows = {KEY: values} | {Key("other.py", str(n)): values for n in range(others)}
    return Screener(KEY, values, suite_of(windows, alpha=0.01, min_effect=0.02), least)


def screened(values, summary, **how):
    """Screen a new figure."""
    return screener(values, **how).screen(summary, SCREENING_LEVEL)


def test_runs_before_the_last_change_are_left_out():
    """Six runs at 130 ms after ten at 100 ms: 130 is as ever, and 100 would be an improvement."""
    values = stored([*OLD, *NEW])
    same = screened(values, figures(130))
    assert (same.suspect, same.comparison.change) == (False, Change.UNCHANGED)
    assert (same.threshold.runs, same.threshold.left_out) == (6, 10)
    assert same.comparison.backing == "6 stored runs"
    assert same.comparison.effect == pytest.approx(0.0, abs=0.005)
    assert screened(values, figures(100)).comparison.change is Change.IMPROVED


def test_the_suite_learns_its_spread_after_the_cut():
    """A step in every history is no spread between runs."""
    suite = suite_of(
        {Key("t.py", str(n)): stored([*OLD, *NEW]) for n in range(8)}, alpha=0.01, min_effect=0.02
    )
    assert math.sqrt(suite.prior.variance) < 0.02
    assert set(suite.since.values()) == {stored([*OLD, *NEW])[10].time}


def test_stored_figures_of_an_older_kind_do_not_count_for_the_spread():
    """Per-round means from before the newest kind of figure are not mixed with calls."""
    older = stored(OLD[:5], unit="per-round mean")
    newer = [replace_time(one, day) for day, one in enumerate(stored([500.0, 501.0, 499.0]))]
    suite = suite_of({KEY: [*older, *newer], Key("t.py", "x"): newer}, alpha=0.01, min_effect=0.02)
    assert math.sqrt(suite.prior.variance) < 0.003


def replace_time(value, day):
    """The same value in the next year."""
    return value._replace(time=f"2027-01-{day + 1:02d}")


def test_what_the_machine_explains_is_no_change():
    """A figure in step with a control of two speeds: 140 ms is as ever where the control says so.

    The same 140 ms beside a control at full speed is a suspect.
    """
    values = stored(FOLLOWS, SPEEDS)
    slow = screened(values, figures(140, control=1.4))
    assert not slow.suspect
    assert slow.comparison.effect == pytest.approx(0.0, abs=0.02)
    assert screened(values, figures(140, control=1.0)).suspect
    assert not screened(stored(FOLLOWS), figures(140)).suspect  # and without the control nothing


def test_the_control_is_told_with_the_threshold():
    """Coefficient, readings and what they explain, as they entered."""
    control = screened(stored(FOLLOWS, SPEEDS), figures(140, control=1.4)).threshold.control
    assert control.coefficient == pytest.approx(1.0, abs=0.05)
    assert control.stored == pytest.approx(math.sqrt(1.4) * MS)
    assert control.reading == 1.4 * MS
    assert control.explained == pytest.approx(math.sqrt(1.4) - 1, abs=0.02)
    assert control.allowed == 0.0
    assert control.low < 1.0 * MS < 1.4 * MS < control.high


def test_a_control_that_explains_nothing_is_left_out():
    """Readings that wander while the figures stand still: no coefficient, and nothing is allowed.

    The choice is the suite's: two figures that follow a little do not outweigh eight that do not.
    """
    still = stored([101.0, 101.0, 99.0, 99.0, 100.0, 100.0], SPEEDS)
    told = screened(still, figures(120, control=1.4))
    assert told.suspect
    assert told.threshold.control.coefficient is None
    assert told.threshold.control.explained == told.threshold.control.allowed == 0.0
    windows = {Key("t.py", str(n)): still for n in range(8)}
    windows |= {Key("u.py", str(n)): stored(OLD[:6], SPEEDS) for n in range(2)}
    assert not suite_of(windows, alpha=0.01, min_effect=0.02).with_control
    assert suite_of({KEY: stored(FOLLOWS, SPEEDS)}, alpha=0.01, min_effect=0.02).with_control


@pytest.mark.parametrize(("reading", "trouble"), [(1.0, False), (1.015, False), (1.2, True)])
@pytest.mark.parametrize("median", [90, 100, 160])
def test_another_machine_decides_nothing(reading, trouble, median):
    """With the control outside its own prediction a figure is undecided, be it a suspect or not."""
    steady = [1.0, 1.001, 0.999, 1.0, 1.001, 0.999]
    found = screened(stored(OLD[:6], steady), figures(median, control=reading))
    assert bool(found.trouble) is trouble
    assert (found.comparison.change is Change.UNDECIDED) is trouble
    assert found.suspect is (median == 160)
    if trouble:
        assert found.trouble.startswith("the control took 1.20 ms, where its stored readings")


def test_a_control_that_was_not_read_everywhere_is_not_used():
    """One stored run without a reading, or a new one without: as if there were no control."""
    gap = stored(FOLLOWS, [*SPEEDS[:-1], 0.0])
    assert screened(gap, figures(140, control=1.4)).threshold.control is None
    assert screened(stored(FOLLOWS, SPEEDS), figures(140)).threshold.control is None


HISTORIES = st.lists(
    st.tuples(st.floats(1, 1000), st.floats(0.5, 2)), min_size=1, max_size=14
)  # median and control of a run


@given(HISTORIES, st.floats(1, 3000), st.floats(0.5, 2), st.floats(0.02, 1), st.integers(0, 3))
def test_a_figure_is_a_suspect_where_it_exceeds_its_threshold(runs, new, control, least, others):
    """The threshold that is told is the one that was applied, with any number of stored runs."""
    medians, controls = [one for one, _ in runs], [one for _, one in runs]
    values = stored(medians, controls)
    found = screened(values, figures(new, control=control), others=others, least=least)
    told = found.threshold
    if told.spread is not None and abs(told.measured / told.threshold - 1) > 1e-9:
        assert found.suspect is (told.measured > told.threshold)
    elif found.suspect:
        assert told.measured > told.threshold


def test_the_threshold_comes_about_number_by_number():
    """Mean, moderated spread, t quantile and 1 + 1/k give the threshold that is told."""
    values = stored([100.0, 104.0, 98.0, 103.0])
    told = screened(values, figures(100), others=11).threshold
    spread = told.spread
    mixed = spread.prior_df * spread.prior**2 + spread.df * spread.own**2
    assert spread.moderated == pytest.approx(math.sqrt(mixed / (spread.prior_df + spread.df)))
    assert spread.quantile == pytest.approx(t_quantile(0.95, spread.prior_df + spread.df))
    half = spread.quantile * spread.moderated * math.sqrt(1 + 1 / 4)
    assert told.threshold == pytest.approx(told.mean * math.exp(half))
    assert (told.figure, told.runs, told.criteria, told.alpha) == ("median", 4, 12, 0.01)
    assert told.mean == pytest.approx(MS * (100.0 * 104.0 * 98.0 * 103.0) ** 0.25)


def test_what_is_allowed_moves_the_threshold():
    """Where 50 % are allowed, the threshold of steady runs is 1.5 times their mean."""
    told = screened(stored(OLD[:5]), figures(130), least=0.5).threshold
    assert told.threshold == pytest.approx(1.5 * told.mean)
    assert told.measured < told.threshold


def test_of_one_or_two_runs_the_threshold_is_twice_the_p95():
    """No spread, no level: the pattern's threshold, as it was applied."""
    told = screened(stored([100.0, 100.0], p95s=[100.0, 144.0]), figures(100)).threshold
    assert (told.figure, told.level, told.spread, told.control) == ("p95", None, None, None)
    assert (told.mean, told.threshold) == pytest.approx((120 * MS, 240 * MS))


def test_a_threshold_can_travel():
    """What it is made of survives the way from a worker process."""
    told = screened(stored(FOLLOWS, SPEEDS), figures(140, control=1.5)).threshold
    assert from_plain(Threshold, to_plain(told)) == told
