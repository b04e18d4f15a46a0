"""One test's series: the order of decisions, their mirror, and their replay."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.verdict import Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries, replay
from pytest_perfmon.stats.confidence import excluded_slowdown
from pytest_perfmon.stats.evidence import Evidence, blocks_of, e_value, log_evidence
from pytest_perfmon.stats.suite import Holm

ALONE = Bars.fixed(100)
OF_TWELVE = Bars.fixed(1200)
DATA = st.lists(st.none() | st.floats(min_value=-0.2, max_value=0.2), max_size=25)
MIRROR = {
    Change.REGRESSED: Change.IMPROVED,
    Change.IMPROVED: Change.REGRESSED,
}


def decided(data, bars=ALONE, *, min_effect=0.02, cap=40):
    """Feed data until the series is decided; give the last decision."""
    data = list(data)
    return replay(data, [bars] * len(data), min_effect=min_effect, cap=cap)[-1]


def evidence(data):
    """Give E now and at its peak, of a slowdown and of a speed-up."""
    series = BlockSeries(0.02)
    for datum in data:
        series.add(datum)
    return tuple(
        (e_value(one.log_e), e_value(one.log_peak)) for one in (series.regressed, series.improved)
    )


def around(theta, seed=0, spread=0.01, blocks=40):
    """Draw a plain series about theta."""
    rng = random.Random(seed)
    return [theta + rng.gauss(0, spread) for _ in range(blocks)]


def test_a_clear_slowdown_is_regressed_at_the_fewest_blocks():
    """+10 % without noise takes 7 blocks alone and 11 among twelve tests."""
    slower = [math.log(1.10)] * 40
    assert (decided(slower).change, decided(slower).blocks) == (Change.REGRESSED, 7)
    assert decided(slower, OF_TWELVE).blocks == 11


def test_a_clear_speedup_is_improved():
    """-10 % is IMPROVED, never UNCHANGED."""
    assert decided([math.log(0.90)] * 40).change is Change.IMPROVED


def test_equal_sides_are_unchanged():
    """Noise about zero ends as UNCHANGED, with evidence against both directions."""
    data = around(0.0)
    decision = decided(data)
    assert decision.change is Change.UNCHANGED
    assert all(now <= 1 / 20 for now, _ in evidence(data[: decision.blocks]))
    assert decision.blocks < 40


@given(st.integers(min_value=0, max_value=10**6), st.floats(min_value=-0.02, max_value=0.03))
def test_what_unchanged_excludes_is_excluded(seed, theta):
    """Where a series ends as UNCHANGED, slowdowns above 5 % are refuted at 95 %."""
    series = BlockSeries(0.02)
    for datum in around(theta, seed):
        series.add(datum)
        if series.decide(OF_TWELVE, cap=40).change is Change.UNCHANGED:
            assert excluded_slowdown(series.blocks) <= 0.05 + 1e-9
            break


def test_a_slowdown_between_the_bounds_is_not_called_unchanged_while_it_might_matter():
    """At +3 % evidence of a regression stands in the way of UNCHANGED, however sure +5 % is out."""
    quiet = [math.log(1.03) + 0.002 * (-1) ** b for b in range(60)]
    out = log_evidence(blocks_of(quiet), Evidence.below(math.log(1.05)))
    assert out > math.log(20)
    never = Bars.fixed(1e300)
    assert decided(quiet, never, cap=60).change is Change.UNDECIDED


def test_a_larger_min_effect_widens_what_unchanged_allows():
    """UNCHANGED excludes 1 + max(2 min_effect, 5 %): with min_effect 10 %, +7 % may pass for it."""
    seven = around(math.log(1.07), spread=0.005)
    assert decided(seven, min_effect=0.10).change is Change.UNCHANGED
    assert decided(seven, min_effect=0.02).change is Change.REGRESSED


def test_the_cap_ends_a_series_as_undecided():
    """At the last block allowed there is a verdict, and it claims nothing."""
    wide = around(0.03, seed=3, spread=0.3, blocks=12)
    assert decided(wide, cap=12).change is Change.UNDECIDED
    assert decided(wide[:5], cap=40).change is None


def test_waiting_is_futile_when_no_verdict_is_in_reach():
    """Three blocks before the cap nothing can reach 1200 from nothing: the series ends there."""
    series = BlockSeries(0.02)
    for datum in (0.03, -0.01, 0.05, 0.0):
        series.add(datum)
    assert series.decide(OF_TWELVE, cap=40).change is None
    assert series.decide(OF_TWELVE, cap=5).change is Change.UNDECIDED


def test_a_bar_that_may_still_fall_keeps_a_series_alive():
    """Futility goes by the lowest bar in reach, not by the present one."""
    series = BlockSeries(0.02)
    for _ in range(6):
        series.add(0.08)
    present = Bars(5000, 5000, 5000, 5000)
    assert series.decide(present, cap=7).change is Change.UNDECIDED
    assert series.decide(replace(present, regressed_floor=100), cap=7).change is None


def test_a_bar_that_fell_rejects_on_the_running_maximum():
    """A peak of the past counts against today's lower bar."""
    data = [0.08] * 8 + [-0.05]
    assert decided(data, OF_TWELVE).change is None
    (now, peak), _ = evidence(data)
    assert now < 100 < peak
    bars = [OF_TWELVE] * 8 + [Bars.fixed(100)]
    assert replay(data, bars, min_effect=0.02, cap=40)[-1].change is Change.REGRESSED


@given(
    st.lists(
        st.lists(st.floats(min_value=-0.05, max_value=0.15), min_size=12, max_size=12), max_size=5
    )
)
def test_bars_taken_from_holm_regress_exactly_what_holm_rejects(suite):
    """The bar of the next rejection (the last one's, at the end) tells the rejected apart."""
    holm = Holm(hypotheses=max(1, len(suite)), alpha=0.2)
    series = {name: BlockSeries(0.02) for name in range(len(suite))}
    for block in range(12):
        for name, one in series.items():
            one.add(suite[name][block])
        holm.update({name: e_value(one.regressed.log_peak) for name, one in series.items()})
        bar = holm.reachable_bar(0)
        for name, one in series.items():
            decision = one.decide(Bars(bar, math.inf, 5, math.inf), cap=40)
            assert (decision.change is Change.REGRESSED) == (name in holm.rejected)


@given(DATA, st.sampled_from([5.0, 100.0, 1200.0]), st.integers(min_value=1, max_value=30))
def test_swapping_the_sides_mirrors_every_decision(data, bar, cap):
    """REGRESSED and IMPROVED change places; e-values are those of the other direction, exactly."""
    bars = [Bars(bar, 2 * bar, bar / 2, bar)] * len(data)
    swapped_bars = [Bars(2 * bar, bar, bar, bar / 2)] * len(data)
    negated = [None if datum is None else -datum for datum in data]
    decisions = replay(data, bars, min_effect=0.02, cap=cap)
    swapped = replay(negated, swapped_bars, min_effect=0.02, cap=cap)
    assert len(decisions) == len(swapped)
    for ours, theirs in zip(decisions, swapped, strict=True):
        slower, faster = evidence(data[: ours.blocks])
        assert evidence(negated[: theirs.blocks]) == (faster, slower)
        if slower[1] < bar or faster[1] < 2 * bar:
            assert theirs.change == MIRROR.get(ours.change, ours.change)


@given(DATA)
def test_a_series_holds_the_evidence_of_the_whole_list(data):
    """What a series says after its last datum is what the list of its data says."""
    series = BlockSeries(0.02)
    for datum in data:
        series.add(datum)
    assert series.blocks == blocks_of(data)
    whole = log_evidence(blocks_of(data), Evidence.above(series.tau))
    assert series.regressed.log_e == whole
    assert series.decide(ALONE, cap=100).blocks == len(data)


@given(DATA)
def test_a_replay_ends_at_the_first_verdict(data):
    """Every decision but the last says go on."""
    decisions = replay(data, [ALONE] * len(data), min_effect=0.02, cap=15)
    assert [one.blocks for one in decisions] == list(range(1, len(decisions) + 1))
    assert all(one.change is None for one in decisions[:-1])
    assert len(decisions) <= 15


def test_a_replay_needs_a_bar_for_every_block():
    """A record that lacks bars is not judged by guesses."""
    with pytest.raises(ValueError, match="argument"):
        replay([0.0, 0.0], [ALONE], min_effect=0.02, cap=40)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_datum_that_is_no_number_is_refused(bad):
    """Not a number cannot be bet on."""
    with pytest.raises(ValueError, match=f"datum is {bad!r}"):
        BlockSeries(0.02).add(bad)


@pytest.mark.parametrize("bad", [0, -0.02, math.nan])
def test_a_min_effect_that_is_no_share_is_refused(bad):
    """The smallest change that matters is above zero."""
    with pytest.raises(ValueError, match="min_effect is"):
        BlockSeries(bad)


def test_a_comparison_shows_the_estimate_within_its_interval():
    """Shares, not logs; the backing counts blocks; what could be seen is said when known."""
    series = BlockSeries(0.02)
    for datum in around(math.log(1.07), blocks=20):
        series.add(datum)
    shown = series.comparison(Change.REGRESSED, bar=1200)
    assert shown.change is Change.REGRESSED
    assert shown.effect == pytest.approx(0.07, abs=0.01)
    assert 0.04 < shown.low < shown.effect < shown.high < 0.10
    assert shown.backing == "20 blocks"
    assert 0.02 < shown.visible < 0.05


def test_a_comparison_of_one_block_is_unbounded():
    """One block gives an estimate, an interval from -100 % to infinity, and sees nothing."""
    series = BlockSeries(0.02)
    series.add(0.0)
    shown = series.comparison(Change.UNDECIDED, bar=100)
    assert (shown.low, shown.high, shown.visible) == (-1, math.inf, None)
    assert shown.backing == "1 block"


def test_a_comparison_without_data_is_refused():
    """Lost blocks alone compare nothing."""
    series = BlockSeries(0.02)
    series.add(None)
    with pytest.raises(ValueError, match="no datum"):
        series.comparison(Change.UNDECIDED, bar=100)
