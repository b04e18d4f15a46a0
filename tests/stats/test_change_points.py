"""Change points: the vectorised statistic against plain loops, invariances, and what is found."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.change_points import (
    change_points,
    change_points_of_all,
    highest_rejected,
    noise_sd,
)
from pytest_perfmon.stats.cusum import BUMP, autocorrelation, bump_cusums, standardised_cusum
from pytest_perfmon.stats.permutation import PERMUTATIONS, PermutationTest

series = st.lists(st.integers(-1000, 1000).map(lambda one: one / 1000), min_size=10, max_size=40)


def slow_cusum(values, shortest):
    """Give the standardised CUSUM by its definition."""
    n = len(values)
    mean = sum(values) / n
    given = []
    for k in range(shortest, n - shortest + 1):
        total = sum(value - mean for value in values[:k])
        given.append(abs(total) / math.sqrt(k * (n - k) / n))
    return given


def step(n, after, size, seed, sd=0.02):
    """Draw normal noise whose last values are higher."""
    rng = random.Random(seed)
    return [rng.gauss(size if index >= n - after else 0, sd) for index in range(n)]


@given(values=series, shortest=st.integers(1, 4))
def test_the_cusum_is_its_definition(values, shortest):
    """The vectorised CUSUM agrees with loops over its formula, for one series and for many rows."""
    centred = np.array(values) - np.mean(values)
    slow = slow_cusum(values, shortest)
    assert standardised_cusum(centred, shortest).tolist() == pytest.approx(slow, abs=1e-9)
    rows = standardised_cusum(np.stack([centred, -centred]), shortest)
    assert rows.tolist() == [pytest.approx(slow, abs=1e-9)] * 2


@given(values=series)
def test_windows_against_the_rest_are_their_definition(values):
    """The CUSUMs of bumps agree with loops: the level in a window against that of all others."""
    n, mean = len(values), np.mean(values)
    lengths = []
    for length, windows, factor in bump_cusums(np.array(values) - mean):
        slow = [
            abs(sum(value - mean for value in values[start : start + length]))
            / math.sqrt(length * (n - length) / n)
            for start in range(n - length + 1)
        ]
        assert (windows * factor).tolist() == pytest.approx(slow, abs=1e-9)
        lengths.append(length)
    assert lengths == [length for length in (4, 8, 16, 32) if length <= n / 2]


@given(values=series)
def test_the_autocorrelation_is_its_definition(values):
    """It is the sum of products of neighbours over the sum of squares."""
    mean = sum(values) / len(values)
    centred = [value - mean for value in values]
    squares = sum(value**2 for value in centred)
    if squares > 1e-12:
        slow = sum(a * b for a, b in itertools.pairwise(centred)) / squares
        assert autocorrelation(np.array(centred)) == pytest.approx(slow, abs=1e-9)


@given(values=series, scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_units_do_not_matter_to_p(values, scale, shift):
    """Shifted and stretched values have the same p to the last permutation."""
    tests = []
    for changed in (values, [scale * value + shift for value in values]):
        test = PermutationTest(changed)
        test.run(199, math.inf)
        tests.append(test)
    one, other = tests
    assert (one.edges, one.exceeded) == (other.edges, other.exceeded)


@given(values=series)
def test_backwards_the_same_change_is_likeliest(values):
    """A series read backwards has its likeliest change where it had it, or an equal one."""
    centred = np.array(values) - np.mean(values)
    forwards = standardised_cusum(centred)
    assert standardised_cusum(centred[::-1]).tolist() == pytest.approx(
        forwards[::-1].tolist(), abs=1e-9
    )


@given(values=series, seed=st.integers(0, 100))
def test_permuted_rows_hold_the_values_that_were_given(values, seed):
    """One by one or in blocks, a permutation loses and doubles no value."""
    test = PermutationTest(values)
    for block in (1, 2, 3):
        test._block, test._random = block, np.random.default_rng(seed)
        for row in test._shuffled(2):
            assert sorted(row) == sorted(test._values)


def test_blocks_keep_neighbours_together():
    """In blocks of three, two of three neighbours stay neighbours, on a circle cut once."""
    test = PermutationTest([float(value) for value in range(30)])
    test._block = 3
    values = test._values
    for row in test._shuffled(50):
        after = [np.flatnonzero(np.isclose(values, one))[0] for one in row]
        kept = sum((b - a) % 30 == 1 for a, b in itertools.pairwise(after))
        assert kept >= 20 - 1


def test_a_step_alone_is_not_permuted_in_blocks():
    """Neighbours that only a step correlates are exchanged one by one; correlated ones are not."""
    assert PermutationTest(step(30, 10, 0.1, seed=2))._block == 1
    rng, level, drifting = random.Random(1), 0.0, []
    for _ in range(64):
        level = 0.8 * level + rng.gauss(0, 1)
        drifting.append(level)
    assert PermutationTest(drifting)._block == 4


def test_few_orders_of_blocks_do_not_bound_p_beside_others():
    """Sharpened, a series that is permuted in blocks can have a p far below what blocks allow."""
    test = PermutationTest(step(40, 6, 0.2, seed=3))
    assert test._block == 3
    test.run(PERMUTATIONS, math.inf)
    in_blocks = test.p
    test.sharpen()
    test.run(20_000, math.inf)
    assert in_blocks > 0.005
    assert test.p < 0.001


def test_a_memory_makes_a_sharpened_test_more_careful():
    """The more a series remembers, the smaller its statistic becomes when it is sharpened."""
    kept = []
    for memory in (0.1, 0.5):
        test = PermutationTest(step(30, 5, 0.2, seed=1))
        before, test._memory = test._statistic, memory
        test.sharpen()
        rho = memory + (1 + 3 * memory) / 30
        assert test._statistic == pytest.approx(before * math.sqrt((1 - rho) / (1 + rho)))
        kept.append(test._statistic)
    assert kept == sorted(kept, reverse=True)


def test_ending_early_changes_no_decision():
    """A test that ends once enough permutations exceeded decides as the whole one does."""
    level = 0.035
    decisions = set()
    for seed in range(40):
        values = step(24, 8, 0.02, seed)
        whole, short = PermutationTest(values), PermutationTest(values)
        whole.run(PERMUTATIONS, math.inf)
        short.run(PERMUTATIONS, math.ceil(level * (PERMUTATIONS + 1)))
        assert (short.p <= level) is (whole.p <= level)
        decisions.add(whole.p <= level)
    assert decisions == {True, False}


@pytest.mark.parametrize(
    "values", [[], [1.0], [0.0] * 4 + [1.0] * 5, [2.5] * 50, [1.0, 1.0 + 1e-12] * 20]
)
def test_too_few_values_and_equal_ones_have_no_change(values):
    """Below ten values, and where all are the same figure, nothing is found."""
    assert change_points(values) == ()


def test_a_step_is_found_with_its_place_and_size():
    """A step of five sds is one change, its range holds its place, its ratio is its size."""
    (change,) = change_points(step(60, 20, 0.1, seed=3))
    assert change.earliest <= change.position <= change.latest
    assert change.earliest <= 40 <= change.latest
    assert change.latest - change.earliest <= 4
    assert change.ratio == pytest.approx(math.exp(0.1), rel=0.02)
    assert change.p == pytest.approx(7 / 6 / (PERMUTATIONS + 1))


def test_several_steps_are_told_apart():
    """Up and further up, and down again, are three changes in their order."""
    rng = random.Random(5)
    levels = [0.0] * 30 + [0.15] * 30 + [0.3] * 30 + [0.1] * 30
    found = change_points([level + rng.gauss(0, 0.02) for level in levels])
    assert [round(change.position, -1) for change in found] == [30, 60, 90]
    assert [change.ratio > 1 for change in found] == [True, True, False]


@pytest.mark.parametrize("start", [10, 40, 75])
def test_a_bump_is_found_where_it_begins_and_ends(start):
    """Fifteen runs at another level, and back: two changes, though no single step is likely."""
    values = step(100, 0, 0.0, seed=7)
    values[start : start + 15] = [value + 0.15 for value in values[start : start + 15]]
    up, down = change_points(values)
    assert (up.position, down.position) == (start, start + 15)
    assert up.ratio == pytest.approx(math.exp(0.15), rel=0.03)
    assert down.ratio == pytest.approx(math.exp(-0.15), rel=0.03)


def test_a_bump_at_an_end_is_a_step():
    """A window that reaches to an end of the series has one edge."""
    values = [0.0] * 52 + [1.0] * 8
    assert PermutationTest(values, BUMP).edges == (52,)
    assert PermutationTest(values[::-1], BUMP).edges == (8,)


@pytest.mark.parametrize(("size", "sd"), [(0.02, 0.002), (0.04, 0.06)])
def test_small_changes_are_nobodys_business(size, sd):
    """A change below 3 %, or below one sd, is left out however sure it is."""
    values = step(200, 100, size, seed=3, sd=sd)
    test = PermutationTest(values)
    test.run(PERMUTATIONS, math.inf)
    assert test.p <= 0.035
    assert change_points(values) == ()


def test_one_wild_value_is_no_change():
    """A single run that took ten times as long changes nothing for good."""
    values = step(60, 0, 0.0, seed=4)
    values[30] += math.log(10)
    assert change_points(values) == ()


def test_equal_data_give_equal_answers():
    """The same series has the same change points each time, to the last digit of p."""
    values = step(40, 12, 0.05, seed=6)
    assert change_points(values) == change_points(list(values))


@given(p_values=st.lists(st.floats(1e-6, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_its_definition(p_values):
    """The bar is the largest p_(r) that is at most r level / m."""
    level, m = 0.05, len(p_values)
    ranked = sorted(p_values)
    rejected = [p for rank, p in enumerate(ranked, start=1) if p <= level * rank / m]
    assert highest_rejected(p_values, level) == (rejected[-1] if rejected else -1.0)


def test_many_series_refine_what_one_test_cannot_say():
    """Among 200 series a change has to be surer than 1/2000, and is found so."""
    quiet = [step(12, 0, 0.0, seed) for seed in range(199)]
    done = []
    (*others, changed) = change_points_of_all([*quiet, step(40, 15, 0.2, 2)], on_done=done.append)
    assert others == [()] * 199
    assert changed[0].p < 0.035 / 200
    assert done == list(range(1, 201))


@pytest.mark.parametrize(
    ("values", "sd"),
    [([], 0.0), ([1.0, 2.0], 0.0), ([1.0] * 9, 0.0), ([0.0, 1.0] * 5 + [9.0, 10.0] * 5, 1.048)],
)
def test_the_noise_between_runs_is_that_of_neighbours(values, sd):
    """A change of level does not count as noise, and two values tell of none."""
    assert noise_sd(values) == pytest.approx(sd, abs=0.001)
