"""A figure against its stored runs, on scripted numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from baseline_runs import KEY, figures, stored
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change, Comparison, Outcome
from pytest_perfmon.verdicts.adaptive import exceeds_adaptive
from pytest_perfmon.verdicts.baselines import BaselineJudge
from pytest_perfmon.verdicts.screening import Screening, suite_of

STEADY = (100.0, 101.0, 99.0, 100.5, 99.5)


def judge(medians, *, controls=None, others=0, max_regression=None, min_effect=0.02):
    """A judge of stored medians, in a suite where `others` have the same history."""
    history = stored(medians, controls)
    windows = {KEY: history} | {Key("other.py", str(n)): history for n in range(others)}
    suite = suite_of(windows, alpha=0.01, min_effect=min_effect)
    return BaselineJudge(KEY, history, suite, max_regression)


def both(one, first, second):
    """Screen a first measurement, convict by a second, both by their medians."""
    return one.verdict(one.screen(figures(first)), one.convict(figures(second)))


def test_the_headline_of_a_regression_says_it_all():
    """Change, interval, what is behind it, and what could have been seen."""
    comparison = Comparison(Change.REGRESSED, 0.068, 0.041, 0.096, "5 stored runs", 0.024)
    one = judge(STEADY)
    suspect = Screening(True, comparison, "t = 5", one.screen(figures(107)).threshold)
    found = one.verdict(suspect, replace(suspect, evidence="t = 6"))
    assert found.headline == (
        "parse REGRESSED +6.8% [+4.1, +9.6] · 5 stored runs · could see >= 2.4%"
    )
    assert (found.criterion, found.outcome, found.fails) == ("baseline", Outcome.FAILED, True)
    assert found.details == ("t = 5", "measured again in a fresh process: +6.8%, t = 6")


def test_far_beyond_the_stored_runs_twice_is_regressed():
    """Both measurements exceed their limits: the test fails, with the first one's effect."""
    found = both(judge(STEADY), 130, 128)
    assert (found.outcome, found.fails) == (Outcome.FAILED, True)
    assert found.comparison.change is Change.REGRESSED
    assert found.comparison.effect == pytest.approx(0.30, abs=0.001)
    assert found.comparison.low < 0.30 < found.comparison.high
    assert found.comparison.backing == "5 stored runs"


def test_a_suspect_that_the_second_measurement_clears_is_undecided():
    """Slow here and as ever there: both changes are said, and the test does not fail."""
    found = both(judge(STEADY), 130, 100)
    assert (found.outcome, found.fails) == (Outcome.UNDECIDED, False)
    assert found.reason == "+30.0% here, +0.0% in a fresh process"
    assert found.comparison.change is Change.UNDECIDED


def test_a_suspect_that_cannot_be_measured_again_is_not_checked():
    """Where there is no second measurement, the reason is passed on, and nothing is red."""
    one = judge(STEADY)
    found = one.verdict(one.screen(figures(130)), "it ended with exit code 3")
    assert (found.outcome, found.fails) == (Outcome.NOT_CHECKED, False)
    assert found.reason == (
        "a suspect (+30.0%) could not be measured again: it ended with exit code 3"
    )


MACHINE = (1.0, 1.001, 0.999, 1.0, 1.001)


@pytest.mark.parametrize("median", [100, 130])
def test_on_another_machine_it_is_undecided(median):
    """With the control far off neither passed nor failed, whatever the figure says."""
    one = judge(STEADY, controls=MACHINE)
    found = one.verdict(one.screen(figures(median, control=1.5)))
    assert (found.outcome, found.fails) == (Outcome.UNDECIDED, False)
    assert found.headline.startswith("parse UNDECIDED (machine) ")
    assert "the control took 1.50 ms, where" in found.headline
    assert found.reason == "machine: it ran at another speed than in the stored runs"
    assert found.comparison.change is Change.UNDECIDED


def test_a_second_measurement_on_another_machine_convicts_nobody():
    """The machine that changed between the two measurements is named, and nothing is red."""
    one = judge(STEADY, controls=MACHINE)
    first = one.screen(figures(130, control=1.0))
    found = one.verdict(first, one.convict(figures(130, control=1.5)))
    assert (found.outcome, found.fails) == (Outcome.UNDECIDED, False)
    assert "in a fresh process the control took 1.50 ms" in found.headline


def test_a_verdict_carries_its_threshold():
    """However it ends, what the figure was held against is there to be explained."""
    one = judge(STEADY)
    red, quiet, open_ = both(one, 130, 130), both(one, 100, 100), both(one, 130, 100)
    assert {one.threshold.mean for one in (red, quiet, open_)} == {red.threshold.mean}
    assert red.threshold.measured > red.threshold.threshold > quiet.threshold.measured


def test_screening_suspects_more_than_conviction_condemns():
    """A figure that one unchanged run in twenty exceeds is a suspect, and no more than that."""
    one = judge(STEADY, others=11)
    assert one.screen(figures(103.5)).suspect
    assert not one.convict(figures(103.5)).suspect
    assert one.convict(figures(115)).suspect


def test_conviction_is_harder_in_a_larger_suite():
    """Alpha is shared: with the same spread, more criteria need a larger change."""
    spread = (100.0, 104.0, 96.0, 102.0, 98.0, 101.0)

    def least(others):
        one = judge(spread, others=others)
        return next(new for new in range(100, 200) if one.convict(figures(new)).suspect)

    # enough others for the shared prior to be the same on both sides
    assert least(200) > least(20)


@pytest.mark.parametrize(
    ("median", "change"),
    [(100.0, Change.UNCHANGED), (101.0, Change.UNCHANGED), (70.0, Change.IMPROVED)],
)
def test_what_is_no_suspect_passes(median, change):
    """Within the spread it is UNCHANGED, far below it is IMPROVED; either passes at once."""
    one = judge(STEADY)
    found = one.verdict(one.screen(figures(median)))
    assert (found.outcome, found.comparison.change) == (Outcome.PASSED, change)
    assert found.headline.startswith(f"parse {change} ")
    assert "5 stored runs · could see >= " in found.headline


def test_changes_below_the_least_effect_are_nobodys_business():
    """However steady the stored runs, a change below `min_effect` is UNCHANGED, either way."""
    still = (100.0, 100.001, 99.999, 100.0, 100.0)
    assert not judge(still, min_effect=0.05).screen(figures(104)).suspect
    assert judge(still, min_effect=0.05).screen(figures(106)).suspect
    assert judge(still, min_effect=0.05).screen(figures(96)).comparison.change is Change.UNCHANGED
    assert judge(still, min_effect=0.05).screen(figures(94)).comparison.change is Change.IMPROVED


def test_a_limit_on_regressions_is_the_larger_of_both():
    """`max_regression` widens what is allowed and never narrows it below `min_effect`."""
    assert not judge(STEADY, max_regression=0.5).screen(figures(145)).suspect
    assert judge(STEADY, max_regression=0.5).screen(figures(155)).suspect
    assert not judge(STEADY, max_regression=0.001, min_effect=0.2).screen(figures(115)).suspect


@pytest.mark.parametrize("runs", [1, 2])
def test_one_or_two_runs_see_twice_the_p95_only(runs):
    """Below the threshold it is NOT CHECKED for smaller changes, and says what is needed."""
    one = judge([100.0] * runs)
    found = one.verdict(one.screen(figures(150)))
    assert (found.outcome, found.fails) == (Outcome.NOT_CHECKED, False)
    assert "3 are needed" in found.reason
    red = both(one, 230, 220)
    assert (red.outcome, red.fails) == (Outcome.FAILED, True)
    plural = "s" if runs > 1 else ""
    assert red.headline == f"parse REGRESSED +130% · only {runs} stored run{plural} behind it"
    assert "p95 253 ms is 2.30x the baseline's, threshold 2x (220 ms)" in red.details[0]


@pytest.mark.parametrize(
    ("p95", "median", "exceeds"),
    [
        (2.0, 2.0, False),
        (2.01, 1.5, True),
        (2.01, 1.49, False),
        (4.0, 1.0, False),
        (4.01, 1.0, True),
        (1.0, 9.0, False),
    ],
)
def test_the_patterns_threshold_wants_the_median_to_agree(p95, median, exceeds):
    """Beyond twice the p95 the median has to be at 1.5x, unless the p95 is beyond four times."""
    assert exceeds_adaptive(p95, median) is exceeds


def test_a_suite_without_stored_runs_shares_nothing():
    """No key: the whole alpha is one criterion's, and nothing divides by zero."""
    suite = suite_of({}, alpha=0.01, min_effect=0.02)
    assert (suite.criteria, suite.level) == (0, 0.01)


def test_a_clock_that_stood_still_is_no_error():
    """Stored zeros, as coarse clocks give, are compared without a logarithm of nothing."""
    one = judge([0.0, 0.0, 0.0])
    found = one.verdict(one.screen(figures(0)))
    assert (found.outcome, found.comparison.effect) == (Outcome.PASSED, 0.0)


HISTORIES = st.lists(st.floats(1, 1000), min_size=1, max_size=12)


@given(HISTORIES, st.floats(1, 1000), st.floats(0.001, 1000))
def test_another_unit_gives_the_same_comparison(medians, new, factor):
    """Multiplying all times by a factor changes neither suspicion nor effect."""
    here = judge(medians).screen(figures(new))
    there = judge([one * factor for one in medians]).screen(figures(new * factor))
    assert there.comparison.effect == pytest.approx(here.comparison.effect, rel=1e-6, abs=1e-6)
    assert there.comparison.high == pytest.approx(here.comparison.high, rel=1e-3, abs=1e-6)


@given(HISTORIES, st.floats(1, 1000), st.randoms(use_true_random=False))
def test_the_order_of_stored_runs_does_not_matter(medians, new, rng):
    """Any order of the same runs says the same, where they are too few to show a change."""
    medians = medians[:9]
    here = judge(medians).screen(figures(new)).comparison
    there = judge(rng.sample(medians, len(medians))).screen(figures(new)).comparison
    assert there.effect == pytest.approx(here.effect, rel=1e-9, abs=1e-9)
    assert there.high == pytest.approx(here.high, rel=1e-6)


@given(HISTORIES, st.floats(1, 1000), st.floats(1, 10))
def test_slower_is_never_less_suspect(medians, new, factor):
    """What is suspect stays so when it gets slower still."""
    one = judge(medians)
    if one.screen(figures(new)).suspect:
        assert one.screen(figures(new * factor)).suspect


@given(HISTORIES, st.floats(1, 1000))
def test_the_interval_holds_the_effect(medians, new):
    """The printed interval is around the printed effect and says nothing below -100 %."""
    comparison = judge(medians).screen(figures(new)).comparison
    assert -1 <= comparison.low <= comparison.effect + 1e-9
    assert comparison.effect <= comparison.high + 1e-9
    assert comparison.high == math.inf or len(medians) >= 3
