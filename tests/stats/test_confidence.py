"""The confidence sequence, the estimate and the smallest visible change."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.confidence import (
    excluded_slowdown,
    log_estimate,
    log_interval,
    visible_change,
)
from pytest_perfmon.stats.evidence import Evidence, blocks_of, log_evidence

TAU = math.log(1.02)
DATA = st.lists(st.floats(min_value=-0.2, max_value=0.2), max_size=20)
WITH_LOSSES = st.lists(st.none() | st.floats(min_value=-0.2, max_value=0.2), max_size=20)


def noisy(seed, blocks, *, theta=0.0, spread=0.015):
    """Draw a plain series of data."""
    rng = random.Random(seed)
    return blocks_of([theta + rng.gauss(0, spread) for _ in range(blocks)])


def test_the_interval_is_unbounded_before_six_blocks():
    """Five blocks cannot refute anything at 95 %, however clear; six can."""
    five, six = (log_interval(blocks_of([0.05] * n)) for n in (5, 6))
    assert (five.low, five.high) == (-math.inf, math.inf)
    assert -1 < six.low < 0.05 < six.high < 1


@given(DATA.filter(lambda data: len(data) >= 6))
def test_the_ends_are_where_the_evidence_reaches_the_bar(data):
    """A hair outside either end is refuted, a hair inside is not, unless both sides refute it."""
    blocks = blocks_of(data)
    interval = log_interval(blocks)
    hair, log_bar = 1e-9, math.log(40)
    outside_low = log_evidence(blocks, Evidence.above(interval.low - hair))
    outside_high = log_evidence(blocks, Evidence.below(interval.high + hair))
    assert min(outside_low, outside_high) >= log_bar - 1e-4
    middle = (interval.low + interval.high) / 2
    above = log_evidence(blocks, Evidence.above(middle)) >= log_bar
    below = log_evidence(blocks, Evidence.below(middle)) >= log_bar
    assert above is below


@given(WITH_LOSSES)
def test_swapping_the_sides_mirrors_the_interval_and_the_estimate(data):
    """Interval and estimate of negated data are the negated ones, to the last bit."""
    blocks = blocks_of(data)
    mirror = blocks_of([None if datum is None else -datum for datum in data])
    interval, mirrored = log_interval(blocks), log_interval(mirror)
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)
    estimate = log_estimate(blocks)
    assert log_estimate(mirror) == (None if estimate is None else -estimate)


def test_a_higher_bar_gives_a_wider_interval():
    """What is refuted at m/alpha is refuted at 40 too."""
    blocks = noisy(1, 20)
    narrow, wide = log_interval(blocks), log_interval(blocks, bar=1200)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_lost_blocks_widen_the_interval():
    """A lost block takes evidence from both ends."""
    kept = list(noisy(2, 20))
    with_losses = log_interval(blocks_of([block.datum for block in kept] + [None]))
    interval = log_interval(kept)
    assert with_losses.low < interval.low
    assert with_losses.high > interval.high


def test_the_estimate_shrugs_off_an_outlier():
    """One block in nine that is off by 100 % moves the estimate by less than one spread."""
    data = [0.05 + 0.001 * step for step in range(-4, 4)]
    assert log_estimate(blocks_of([*data, 0.75])) == pytest.approx(0.05, abs=0.002)
    assert log_estimate(blocks_of([0.01, 0.02, 0.06])) == pytest.approx(0.0275)
    assert log_estimate(blocks_of([None])) is None


def test_a_visible_change_is_said_from_enough_blocks_on():
    """With a bar of 1200, 11 blocks could decide: nothing before 18, then exp(tau + 1.6 w) - 1."""
    assert visible_change(noisy(3, 17), tau=TAU, bar=1200) is None
    blocks = noisy(3, 18)
    visible = visible_change(blocks, tau=TAU, bar=1200)
    interval = log_interval(blocks, bar=1200)
    half_width = (interval.high - interval.low) / 2
    assert visible == pytest.approx(math.exp(TAU + 1.6 * half_width) - 1)
    assert 0.02 < visible < 0.1


def test_more_blocks_see_smaller_changes():
    """The visible change comes down towards the smallest that matters."""
    few, many = (visible_change(noisy(4, n), tau=TAU, bar=1200) for n in (18, 120))
    assert 0.02 < many < few


def test_nothing_is_visible_where_lost_blocks_leave_the_interval_unbounded():
    """Blocks that were made but lost do not make a change visible."""
    blocks = blocks_of([0.0] * 10 + [None] * 10)
    assert visible_change(blocks, tau=TAU, bar=1200) is None


def test_an_excluded_slowdown_is_the_upper_end_of_a_one_sided_sequence():
    """Unbounded before five blocks; then tighter than the two-sided interval's end."""
    assert excluded_slowdown(blocks_of([0.0] * 4)) == math.inf
    blocks = noisy(5, 12)
    excluded = excluded_slowdown(blocks)
    assert 0 < excluded < math.expm1(log_interval(blocks).high)
    refuted = log_evidence(blocks, Evidence.below(math.log1p(excluded) + 1e-9))
    assert refuted >= math.log(20) - 1e-4


def test_data_that_refute_every_ratio_leave_what_they_dispute():
    """Where zero is refuted from both sides, the interval spans the refuted stretch around it."""
    blocks = blocks_of(([0.00025] * 14 + [-0.5]) * 22)
    for evidence in (Evidence.above(0.0), Evidence.below(0.0)):
        assert log_evidence(blocks, evidence) > math.log(40)
    interval = log_interval(blocks)
    assert interval.low < 0 < interval.high
