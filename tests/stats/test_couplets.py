"""The datum of a block: medians within each order, mirrored exactly when the sides swap."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.stats.couplets import calls_for_p95, couplets_datum, log_ratio

TIMES = st.floats(min_value=1, max_value=1e9)
COUPLETS = st.lists(st.tuples(TIMES, TIMES, TIMES, TIMES, st.booleans()), min_size=1, max_size=12)


def slices(couplets):
    """Lay couplets out as the three sequences that a block records."""
    candidate, baseline, first = [], [], []
    for ours, theirs, ours_again, theirs_again, order in couplets:
        candidate += [ours, ours_again]
        baseline += [theirs, theirs_again]
        first += [order, not order]
    return candidate, baseline, first


def slow_datum(candidate, baseline, first):
    """Compute the datum the plain way: two sorted lists and their middles."""
    middles = []
    for order in (True, False):
        ratios = sorted(
            math.log(ours / theirs)
            for ours, theirs, was in zip(candidate, baseline, first, strict=True)
            if was == order
        )
        half = len(ratios) // 2
        middles.append(ratios[half] if len(ratios) % 2 else ratios[half - 1] / 2 + ratios[half] / 2)
    return (middles[0] + middles[1]) / 2


@given(COUPLETS)
def test_swapping_the_sides_negates_the_datum_to_the_last_bit(couplets):
    """A block says exactly the opposite when candidate and baseline change places."""
    candidate, baseline, first = slices(couplets)
    swapped = couplets_datum(baseline, candidate, [not order for order in first])
    assert swapped == -couplets_datum(candidate, baseline, first)


@given(COUPLETS)
def test_the_datum_equals_its_slow_twin(couplets):
    """The datum is half the sum of the two orders' median log ratios."""
    laid_out = slices(couplets)
    assert couplets_datum(*laid_out) == pytest.approx(slow_datum(*laid_out), abs=1e-12)


@given(COUPLETS, st.randoms(use_true_random=False))
def test_the_order_of_couplets_does_not_matter(couplets, rng):
    """Whole couplets may come in any order."""
    shuffled = rng.sample(couplets, len(couplets))
    assert couplets_datum(*slices(shuffled)) == couplets_datum(*slices(couplets))


def test_what_the_second_place_costs_cancels():
    """A second place that is 34 % slower leaves a candidate that is 5 % slower at 5 %."""
    candidate, baseline, first = [], [], []
    for order in (True, False, False, True):
        candidate.append(105.0 * (1 if order else 1.34))
        baseline.append(100.0 * (1.34 if order else 1))
        first.append(order)
    assert couplets_datum(candidate, baseline, first) == pytest.approx(math.log(1.05))


def test_an_interrupted_slice_is_forgotten():
    """One slice of three in its order that takes a thousand times as long changes nothing."""
    candidate = [105.0, 105.0, 105_000.0, 105.0, 105.0, 105.0]
    datum = couplets_datum(candidate, [100.0] * 6, [True, False] * 3)
    assert datum == pytest.approx(math.log(1.05))


@pytest.mark.parametrize("first", [[], [True], [True, True], [True, False, False]])
def test_anything_but_whole_couplets_is_refused(first):
    """Both orders stand in every couplet, or the second place would count as a difference."""
    with pytest.raises(ValueError, match="expected couplets"):
        couplets_datum([1.0] * len(first), [1.0] * len(first), first)


def test_sides_with_unequal_numbers_of_slices_are_refused():
    """A slice that one side lacks has no ratio."""
    with pytest.raises(ValueError, match="argument"):
        couplets_datum([1.0, 1.0], [1.0], [True, False])


@pytest.mark.parametrize("bad", [0, -1.0, math.inf, math.nan])
def test_a_time_that_has_no_logarithm_is_refused_by_side_and_value(bad):
    """The message says whose figure it was and what it was."""
    with pytest.raises(MeasurementError, match=rf"the baseline's figure is {bad!r}"):
        log_ratio(1.0, bad)
    with pytest.raises(MeasurementError, match="the candidate's figure"):
        couplets_datum([bad, 1.0], [1.0, 1.0], [True, False])


@given(TIMES, TIMES)
def test_a_ratio_of_two_figures_is_mirrored_exactly(ours, theirs):
    """A p95 or a peak of memory gives exactly -d when the sides change places."""
    assert log_ratio(ours, theirs) == -log_ratio(theirs, ours)
    assert log_ratio(ours, theirs) == pytest.approx(math.log(ours / theirs), abs=1e-12)


@pytest.mark.parametrize(
    ("call_spread", "calls"),
    [(0.0, 100), (0.05, 100), (0.1, 225), (0.2, 900), (0.3, 2000), (5.0, 2000)],
)
def test_a_p95_takes_as_many_calls_as_bring_its_spread_to_two_percent(call_spread, calls):
    """Three times the spread of calls over 2 %, squared, within 100 and 2000."""
    assert calls_for_p95(call_spread) == calls
