"""Betting evidence: the formula by hand, its slow twin, its mirror, and its bounds."""

import math
import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.evidence import (
    Block,
    Evidence,
    RunningScale,
    blocks_of,
    e_value,
    fewest_blocks,
    log_evidence,
)

DATA = st.lists(st.floats(min_value=-0.5, max_value=0.5), max_size=25)
WITH_LOSSES = st.lists(st.none() | st.floats(min_value=-0.5, max_value=0.5), max_size=25)
BOUNDS = st.floats(min_value=-0.1, max_value=0.1)


def slow_scale(earlier):
    """Compute s_b from the list of all earlier data."""
    b = len(earlier) + 1
    mad = 0.0
    if earlier:
        middle = statistics.median(earlier)
        mad = 1.4826 * statistics.median([abs(d - middle) for d in earlier])
    return max(0.004, math.sqrt((4 * 0.015**2 + (b - 1) * mad**2) / (b + 3)))


def slow_e(data, bound):
    """Compute E against theta <= bound as the formula stands, in products."""
    total = 0.0
    for stake in (0.5, 1.5, 5):
        product = 1.0
        for b, datum in enumerate(data):
            product *= 1 + 0.95 * math.tanh(stake * (datum - bound) / slow_scale(data[:b]))
        total += product
    return total / 3


def test_the_first_bet_is_the_one_computed_by_hand():
    """One scale above the bound: the mean of 1 + 0.95 tanh of 0.5, 1.5 and 5."""
    evidence = Evidence.above(0.02)
    evidence.add(Block(datum=0.035, scale=0.015))
    by_hand = ((1 + 0.95 * 0.46211716) + (1 + 0.95 * 0.90514825) + (1 + 0.95 * 0.99990920)) / 3
    assert math.exp(evidence.log_e) == pytest.approx(by_hand, rel=1e-7)
    assert math.exp(evidence.log_e) == pytest.approx(1.74960534, rel=1e-6)


def test_the_second_bet_multiplies_each_stake_by_itself():
    """A block exactly at the bound changes nothing, one below it costs; never the mean squared."""
    evidence = Evidence.above(0.0)
    for datum in (0.01, 0.0, -0.01):
        evidence.add(Block(datum, scale=0.01))
    by_hand = sum(1 - (0.95 * t) ** 2 for t in (0.46211716, 0.90514825, 0.99990920)) / 3
    assert math.exp(evidence.log_e) == pytest.approx(by_hand, rel=1e-6)


def test_the_scale_starts_at_one_and_a_half_percent():
    """Before any datum, and with equal data it shrinks to its floor of 0.4 %."""
    scale = RunningScale()
    assert scale.value == 0.015
    scale.add(0.01)
    assert scale.value == pytest.approx(0.015 * math.sqrt(4 / 5))
    for _ in range(200):
        scale.add(0.01)
    assert scale.value == 0.004


@given(DATA)
def test_each_scale_comes_from_earlier_data_alone(data):
    """The scale beside a datum is the formula's, over what stood before it."""
    for b, block in enumerate(blocks_of(data)):
        assert block.datum == data[b]
        assert block.scale == pytest.approx(slow_scale(data[:b]))


@given(DATA, BOUNDS)
def test_evidence_equals_its_slow_twin(data, bound):
    """Sums of logarithms give what the products of the formula give."""
    fast = log_evidence(blocks_of(data), Evidence.above(bound))
    assert fast == pytest.approx(math.log(slow_e(data, bound)), abs=1e-6)


@given(WITH_LOSSES, BOUNDS)
def test_block_by_block_equals_all_at_once(data, bound):
    """Incremental evidence has, after the last block, exactly the value of the whole list."""
    evidence, scale = Evidence.above(bound), RunningScale()
    for datum in data:
        evidence.add(Block(datum, scale.value))
        if datum is not None:
            scale.add(datum)
    assert evidence.log_e == log_evidence(blocks_of(data), Evidence.above(bound))


@given(WITH_LOSSES, BOUNDS)
def test_swapping_the_sides_mirrors_evidence_to_the_last_bit(data, bound):
    """Evidence above a bound is evidence below its negative for the negated data."""
    negated = [None if datum is None else -datum for datum in data]
    ours, theirs = Evidence.above(bound), Evidence.below(-bound)
    assert log_evidence(blocks_of(data), ours) == log_evidence(blocks_of(negated), theirs)
    assert ours.log_peak == theirs.log_peak


@given(DATA, BOUNDS, st.floats(min_value=0, max_value=0.1))
def test_a_higher_bound_never_has_more_evidence_above_it(data, bound, step):
    """Evidence is monotone in its bound, which the bisection of intervals rests on."""
    blocks = blocks_of(data)
    higher = log_evidence(blocks, Evidence.above(bound + step))
    assert higher <= log_evidence(blocks, Evidence.above(bound)) + 1e-9


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.004, 0.1)), max_size=8), BOUNDS)
def test_over_all_signs_of_symmetric_data_the_mean_is_one(pairs, bound):
    """For data symmetric about the bound the bets are fair: the mean of E over all signs is 1."""
    total = 0.0
    for signs in range(2 ** len(pairs)):
        evidence = Evidence.above(bound)
        for bit, (size, scale) in enumerate(pairs):
            sign = 1 if signs >> bit & 1 else -1
            evidence.add(Block(bound + sign * size, scale))
        total += math.exp(evidence.log_e)
    assert total / 2 ** len(pairs) == pytest.approx(1, rel=1e-6)


def test_a_lost_block_is_the_worst_bet_in_either_direction():
    """Losing a block costs a factor 1 - 0.95 above and below, and leaves the scale alone."""
    for evidence in (Evidence.above(0.02), Evidence.below(-0.02)):
        evidence.add(Block(None, 0.015))
        assert math.exp(evidence.log_e) == pytest.approx(0.05)
    lost, kept = blocks_of([0.01, None, 0.02]), blocks_of([0.01, 0.02])
    assert lost[2] == kept[1]


def test_the_peak_stays_where_the_evidence_was_highest():
    """The running maximum starts at 1 and never falls."""
    evidence = Evidence.above(0.02)
    evidence.add(Block(-0.1, 0.015))
    assert evidence.log_peak == 0.0
    for _ in range(8):
        evidence.add(Block(0.1, 0.015))
    highest = evidence.log_e
    evidence.add(Block(-0.1, 0.015))
    assert evidence.log_peak == highest > evidence.log_e


@pytest.mark.parametrize(("bar", "blocks"), [(1, 0), (40, 6), (100, 7), (1200, 11), (5000, 13)])
def test_no_bar_is_reached_before_its_fewest_blocks(bar, blocks):
    """The clearest data reach a bar at its fewest blocks and not one block earlier."""
    assert fewest_blocks(bar) == blocks
    clear = log_evidence(blocks_of([0.9] * blocks), Evidence.above(0.02))
    assert clear >= math.log(bar) - 1e-9
    if blocks:
        earlier = log_evidence(blocks_of([0.9] * (blocks - 1)), Evidence.above(0.02))
        assert earlier < math.log(bar)


def test_a_thousand_clear_blocks_overflow_nothing():
    """Evidence beyond what a float holds is shown as a finite e-value, and nothing as 0."""
    many = log_evidence(blocks_of([0.9] * 1200), Evidence.above(0.02))
    assert many > math.log(sys.float_info.max)
    assert 1e300 < e_value(many) < math.inf
    assert e_value(log_evidence(blocks_of([-0.9] * 1200), Evidence.above(0.02))) == 0
