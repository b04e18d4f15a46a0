"""What all operations of a run have in common, on made-up suites of twelve."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from baseline_runs import MS, figures, stored

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.verdicts.screening import suite_of
from pytest_perfmon.verdicts.suite_shift import SuiteShift, _spread, suite_shift

NAMES = "abcdefghijkl"


def key(name):
    """The key of an operation."""
    return Key(f"test_{name}.py::test_it", name)


def made_up(rng, *, runs=8, common=0.02, own=0.01, speeds=None, names=NAMES):
    """Windows whose runs share a part of their noise, and follow the machine where that moves."""
    speeds = speeds or [1.0] * runs
    shared = [speed * rng.lognormvariate(0, common) for speed in speeds]
    controls = [speed * rng.lognormvariate(0, 0.002) for speed in speeds]
    return {
        key(name): stored(
            [100 * part * rng.lognormvariate(0, own) for part in shared],
            [1.0 * one for one in controls] if any(one != 1.0 for one in speeds) else None,
        )
        for name in names
    }


def judged(windows, new, *, alpha=0.01):
    """Judge figures in milliseconds by name."""
    summaries = {key(name): one for name, one in new.items()}
    return suite_shift(windows, summaries, suite_of(windows, alpha=alpha, min_effect=0.02))


def test_what_is_slower_together_is_said_of_all_and_of_none():
    """Everything at +20 %: the suite is slower, no operation is beside the others."""
    found = judged(made_up(random.Random(1)), dict.fromkeys(NAMES, figures(120)))
    assert found.slower
    assert found.effect == pytest.approx(0.2, abs=0.03)
    assert found.low < 0.2 < found.high
    assert (found.keys, found.runs, found.apart) == (12, 8, ())


def test_what_is_slower_alone_is_named():
    """One at +20 % in a run that is 4 % slower: it stands apart, and the suite does not shift."""
    new = dict.fromkeys(NAMES, figures(104)) | {"c": figures(125)}
    found = judged(made_up(random.Random(2)), new)
    assert not found.slower
    ((name, effect),) = found.apart
    assert (name, effect) == (key("c"), pytest.approx(0.2, abs=0.03))


def test_what_the_control_explains_is_no_shift():
    """All in step with a control of two speeds: a slow run beside a slow control is as ever."""
    speeds = [1.0, 1.4, 1.0, 1.4, 1.0, 1.4, 1.0, 1.4]
    windows = made_up(random.Random(3), common=0.004, speeds=speeds)
    same = judged(windows, dict.fromkeys(NAMES, figures(140, control=1.4)))
    assert not same.slower
    assert abs(same.effect) < 0.02
    assert judged(windows, dict.fromkeys(NAMES, figures(140, control=1.0))).slower
    # further than the control ever went: the suite may have followed it there
    assert not judged(windows, dict.fromkeys(NAMES, figures(168, control=1.68))).slower


def test_a_fitted_coefficient_costs_the_shift_a_degree_of_freedom():
    """Deviations from what a control explains are smaller than those to come, which is made up."""
    plain, beside = _spread([0.0, 0.1, 0.2, 0.1], 1), _spread([0.0, 0.1, 0.2, 0.1], 2)
    assert (plain.df, beside.df) == (3, 2)
    assert beside.variance == pytest.approx(1.5 * plain.variance)


@pytest.mark.parametrize(("names", "runs"), [(NAMES[:7], 8), (NAMES, 2)])
def test_few_operations_or_runs_have_nothing_in_common(names, runs):
    """Below eight operations, or three runs, there is nothing to say."""
    windows = made_up(random.Random(4), runs=runs, names=names)
    assert judged(windows, dict.fromkeys(names, figures(120))) is None


def test_figures_of_another_kind_do_not_count():
    """Per-round means are not held against calls: five of twelve are too few that are left."""
    new = dict.fromkeys(NAMES, figures(120)) | dict.fromkeys(
        NAMES[:7], figures(120, unit="per-round mean")
    )
    assert judged(made_up(random.Random(5)), new) is None


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, 12])
def test_unchanged_suites_seldom_shift(runs):
    """At alpha = 5 %, 5 % of unchanged suites are called slower, or have one apart (3 sd: 9 %)."""
    rng, slower, apart, count = random.Random(6), 0, 0, 200
    for _ in range(count):
        windows = made_up(rng, runs=runs + 1, common=0.05, own=0.03)
        new = {name: figures(windows[key(name)][-1].median / MS) for name in NAMES}
        found = judged({one: values[:-1] for one, values in windows.items()}, new, alpha=0.05)
        slower += found.slower
        apart += bool(found.apart)
    assert slower / count <= 0.09
    assert apart / count <= 0.09


def test_the_line_says_it_all():
    """How many, how much, against what, and what is worth a look."""
    shift = SuiteShift(12, 20, 0.031, -0.02, 0.084, slower=False, apart=())
    assert shift.line() == (
        "all 12 operations together: +3.1% [-2.0, +8.4] against 20 stored runs, within what these"
        " vary"
    )
    told = replace(shift, slower=True, apart=((key("c"), 0.2),)).line()
    assert told.endswith(
        "20 stored runs, SLOWER than these ever vary; slower beside the others, and worth a look:"
        " c +20.0%"
    )
