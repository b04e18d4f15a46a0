"""A run's deviations, split in what they have in common and what each has for itself."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.common_mode import KEYS_NEEDED, common_mode, medians_of_others

VALUES = st.lists(st.floats(-3, 3), min_size=2, max_size=40)


@given(VALUES)
def test_medians_of_the_others_are_those_of_the_others(values):
    """One sort gives what leaving out one value after the other gives."""
    slow = [median(values[:n] + values[n + 1 :]) for n in range(len(values))]
    assert medians_of_others(values) == pytest.approx(slow, abs=1e-12)


@given(st.lists(st.floats(-3, 3), min_size=KEYS_NEEDED, max_size=20), st.floats(-2, 2))
def test_a_shift_of_everything_leaves_nothing_apart(values, shift):
    """What is added to all is in the shift alone."""
    here = common_mode(dict(enumerate(values)))
    there = common_mode({name: value + shift for name, value in enumerate(values)})
    assert there.shift == pytest.approx(here.shift + shift, abs=1e-9)
    assert there.apart == pytest.approx(here.apart, abs=1e-9)


def test_a_change_of_one_is_its_own():
    """Seven at +10 % and one at +50 %: the run is slower by 10 %, that one by 40 % more."""
    found = common_mode({name: 0.5 if name == "odd" else 0.1 for name in (*"abcdefg", "odd")})
    assert found.shift == pytest.approx(0.1)
    assert found.apart["odd"] == pytest.approx(0.4)
    assert found.apart["a"] == pytest.approx(0.0)


def test_few_operations_have_nothing_in_common():
    """Below eight the median is one operation's noise: nothing is split."""
    assert common_mode(dict.fromkeys(range(KEYS_NEEDED - 1), 0.1)) is None
    assert common_mode(dict.fromkeys(range(KEYS_NEEDED), 0.1)) is not None
