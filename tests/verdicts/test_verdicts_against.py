"""What an interleaved comparison comes to, on scripted blocks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change, Outcome
from pytest_perfmon.stats.blocks import Bars, BlockSeries
from pytest_perfmon.verdicts.against import verdict_on

KEY = Key("test_parse.py::test_parse", "parse")
ALTERNATING = (1.0, -1.0)
MIRRORED = {
    Change.REGRESSED: Change.IMPROVED,
    Change.IMPROVED: Change.REGRESSED,
    Change.UNCHANGED: Change.UNCHANGED,
    Change.UNDECIDED: Change.UNDECIDED,
}
ONE_PERCENT = math.log(1.01)


def around(share, blocks, spread=ONE_PERCENT):
    """Data that alternate around a change of that share."""
    return [math.log1p(share) + spread * ALTERNATING[number % 2] for number in range(blocks)]


def series_of(data, min_effect=0.02):
    """A series of such blocks; None is a lost one."""
    series = BlockSeries(min_effect)
    for datum in data:
        series.add(datum)
    return series


def judged(data, change, *, min_effect=0.02, cap=60, **more):
    """The verdict on a single operation, where a claim takes 100."""
    bars = [Bars.fixed(100.0)] * len(data)
    return verdict_on(
        KEY, series_of(data, min_effect), change, bars=bars, bar=100.0, cap=cap, **more
    )


def percent(share):
    """A share as headlines have it in brackets."""
    return f"{share * 100:+.1f}"


@pytest.mark.parametrize(
    ("change", "outcome", "fails"),
    [
        (Change.REGRESSED, Outcome.FAILED, True),
        (Change.IMPROVED, Outcome.PASSED, False),
        (Change.UNCHANGED, Outcome.PASSED, False),
        (Change.UNDECIDED, Outcome.UNDECIDED, False),
    ],
)
def test_only_a_regression_fails_the_test(change, outcome, fails):
    """Each change has one outcome, and keeps its name in the comparison."""
    verdict = judged(around(0.0, 14), change)
    assert (verdict.key, verdict.criterion) == (KEY, "against")
    assert (verdict.outcome, verdict.fails, verdict.warns) == (outcome, fails, False)
    assert verdict.comparison.change is change
    assert bool(verdict.reason) is (outcome is Outcome.UNDECIDED)


def test_the_headline_says_it_all():
    """Operation, change, estimate, interval, blocks, and what could have been seen."""
    verdict = judged(around(0.068, 14), Change.REGRESSED)
    found = verdict.comparison
    assert found.low < 0.068 < found.high
    assert found.visible > 0.02
    assert verdict.headline == (
        f"parse REGRESSED +6.8% [{percent(found.low)}, {percent(found.high)}] · 14 blocks"
        f" · could see >= {found.visible * 100:.1f}%"
    )


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_an_open_interval_is_not_shown(blocks):
    """Before six blocks nothing bounds both ends, and no brackets pretend it."""
    verdict = judged([math.log(1.068)] * blocks, Change.UNDECIDED)
    assert verdict.comparison.high == math.inf or verdict.comparison.low == -1
    assert "[" not in verdict.headline
    plural = "" if blocks == 1 else "s"
    assert verdict.headline.startswith(f"parse UNDECIDED +6.8% · {blocks} block{plural}")


@pytest.mark.parametrize("change", [Change.UNCHANGED, Change.IMPROVED, Change.UNDECIDED])
def test_early_on_it_says_which_slowdowns_are_excluded(change):
    """Before so many blocks that a visible change can be named, the upper end stands for it."""
    headline = judged([0.0] * 8, change).headline
    assert " · 8 blocks · excludes slowdowns > " in headline
    assert "could see" not in headline


def test_an_early_regression_excludes_nothing():
    """What is slower for sure has no need of a bound on how much slower it could be."""
    headline = judged([math.log(1.1)] * 8, Change.REGRESSED).headline
    assert headline.endswith(" · 8 blocks")


def test_too_few_blocks_exclude_nothing():
    """Where no slowdown is excluded, none is named."""
    assert judged([0.0] * 3, Change.UNDECIDED).headline == "parse UNDECIDED +0.0% · 3 blocks"


def test_another_statistic_is_named():
    """A p95 is not taken for a location."""
    headline = judged(around(0.068, 14), Change.REGRESSED, statistic="p95").headline
    assert headline.startswith("parse p95 REGRESSED +6.8% [")


def test_an_unchanged_that_is_surely_slower_says_what_is_allowed():
    """Where the whole interval lies above zero, UNCHANGED names the share that it ignores."""
    surely = judged(around(0.04, 20, 0.002), Change.UNCHANGED, min_effect=0.1)
    assert surely.comparison.low > 0.005
    assert " · 20 blocks · up to +10.0% is allowed · could see >= " in surely.headline
    assert "is allowed" not in judged(around(0.0, 20), Change.UNCHANGED).headline
    assert "is allowed" not in judged(around(0.068, 20, 0.002), Change.REGRESSED).headline


def test_the_evidence_is_a_detail():
    """Both directions' largest evidence, what a claim took, and then what the caller adds."""
    data = around(0.1, 8)
    series = series_of(data)
    first, *others = judged(data, Change.REGRESSED, details=("pinned to CPU 1",)).details
    slower = math.exp(series.regressed.log_peak)
    assert first == f"evidence of a slowdown {slower:.3g}, of a speed-up 1; a claim took 100"
    assert others == ["pinned to CPU 1"]


def test_the_record_holds_what_decides_again():
    """Data with lost blocks, bars of each block, the smallest effect, cap and whether fixed."""
    data = [0.1, None, 0.2]
    bars = [Bars(400.0, 300.0, 200.0, 100.0)] * 3
    record = verdict_on(
        KEY, series_of(data, 0.05), Change.UNDECIDED, bars=bars, bar=400.0, cap=9, fixed=True
    ).record
    assert record.data == (0.1, None, 0.2)
    assert record.bars == ((400.0, 300.0, 200.0, 100.0),) * 3
    assert record.min_effect == pytest.approx(0.05)
    assert (record.cap, record.fixed) == (9, True)


@pytest.mark.parametrize("data", [[], [None], [None, None]])
def test_nothing_measured_is_not_checked(data):
    """A series without a datum is no comparison, whatever was decided of it."""
    verdict = judged(data, Change.UNDECIDED)
    assert verdict.outcome is Outcome.NOT_CHECKED
    assert verdict.reason == "no block was measured on both sides"
    assert verdict.comparison is None
    assert not verdict.fails


@pytest.mark.parametrize(
    ("cap", "option"),
    [(60, "a longer --perf-against-time"), (5, "--perf-blocks={total}")],
)
def test_an_undecided_says_what_would_decide(cap, option):
    """About how many blocks more, and by which option: the cap on blocks or that on time."""
    data = around(0.06, 4)
    more = series_of(data).blocks_to_go(Bars.fixed(100.0))
    assert 1 < more < 56
    verdict = judged(data, Change.UNDECIDED, cap=cap)
    wanted = option.format(total=4 + more)
    assert verdict.reason == f"about {more} more blocks would decide: {wanted}"


def test_an_undecided_that_comes_no_nearer_gives_no_number():
    """Blocks that speak for no verdict promise none."""
    verdict = judged(around(0.02, 30, 0.5), Change.UNDECIDED)
    assert verdict.reason.endswith("to be told soon")


@given(
    st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=20),
    st.sampled_from([Change.UNCHANGED, Change.UNDECIDED, Change.REGRESSED, Change.IMPROVED]),
)
def test_swapping_the_sides_mirrors_the_verdict(data, change):
    """Negated data give the reciprocal ratio and interval, and evidence of the other direction."""
    here = judged(data, change)
    there = judged([-datum for datum in data], MIRRORED[change])
    assert 1 + there.comparison.effect == pytest.approx(1 / (1 + here.comparison.effect))
    for near, far in (("low", "high"), ("high", "low")):
        ratio = 1 + getattr(here.comparison, near)
        mirrored = math.inf if ratio == 0 else 1 / ratio
        assert 1 + getattr(there.comparison, far) == pytest.approx(mirrored, rel=1e-6)
    slowdown, speed_up = here.details[0].removesuffix("; a claim took 100").split(", ")
    assert there.details[0] == (
        f"evidence of a slowdown {speed_up.split()[-1]}, of a speed-up {slowdown.split()[-1]};"
        " a claim took 100"
    )


@given(st.lists(st.floats(-0.15, 0.15), min_size=1, max_size=30))
def test_swapping_the_sides_mirrors_the_decision(data):
    """After every block, negated data are decided the other way round."""
    here, there = BlockSeries(0.02), BlockSeries(0.02)
    for datum in data:
        here.add(datum)
        there.add(-datum)
        one, other = (series.decide(Bars.fixed(100.0), 30).change for series in (here, there))
        assert MIRRORED.get(one) is other
