"""Suite-wide claims, against the rules applied from scratch."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.stats.suite import Holm, worth_a_look

E_VALUES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 2000))


def slow_holm(m: int, alpha: float, largest: dict[str, float]) -> set[str]:
    """Apply Holm's rule to running maxima from scratch: the j-th largest against (m-j+1)/alpha."""
    rejected: set[str] = set()
    ranked = sorted(largest.items(), key=lambda item: -item[1])
    for j, (name, e_value) in enumerate(ranked, start=1):
        if e_value < (m - j + 1) / alpha:
            break
        rejected.add(name)
    return rejected


def slow_e_bh(m: int, rate: float, e_values: dict[str, float]) -> set[str]:
    """Take the largest set whose every member has an e-value of at least m/(rate size)."""
    best: set[str] = set()
    for size in range(1, len(e_values) + 1):
        top = sorted(e_values, key=lambda name: -e_values[name])[:size]
        if all(e_values[name] >= m / (rate * size) for name in top):
            best = set(top)
    return best


@given(st.lists(E_VALUES, max_size=8), st.integers(6, 12))
def test_holm_agrees_with_the_rule_on_running_maxima(looks, m):
    """Look after look, what is rejected is what Holm's rule says of the largest e-values so far."""
    holm: Holm[str] = Holm(m, 0.01)
    largest: dict[str, float] = {}
    rejected: set[str] = set()
    for look in looks:
        for name, e_value in look.items():
            largest[name] = max(e_value, largest.get(name, 0))
        new = holm.update(look)
        assert not rejected & set(new)
        rejected |= set(new)
        assert rejected == set(holm.rejected) == slow_holm(m, 0.01, largest)


def test_bars_fall_with_each_rejection():
    """The first rejection of three at 1 % needs 300, the next 200, then 100, then there is none."""
    holm: Holm[str] = Holm(3, 0.01)
    bars = [holm.bar]
    for name in "abc":
        assert holm.update({name: bars[-1]}) == (name,)
        bars.append(holm.bar)
    assert bars == [300, 200, 100, math.inf]


def test_one_rejection_lets_a_waiting_one_follow():
    """A hypothesis that stopped below the bar is rejected when another's rejection lowers it."""
    holm: Holm[str] = Holm(2, 0.05)
    assert holm.update({"stopped": 30.0}) == ()
    assert holm.update({"strong": 41.0}) == ("strong", "stopped")


def test_a_lower_value_later_takes_nothing_back():
    """The largest e-value counts, and a rejection is final."""
    holm: Holm[str] = Holm(2, 0.05)
    holm.update({"a": 35.0})
    assert holm.update({"a": 0.0, "b": 50.0}) == ("b", "a")
    assert holm.update({"a": 0.0, "b": 0.0}) == ()
    assert holm.rejected == ["b", "a"]


def test_reachable_bar_counts_on_the_others():
    """With four others live, one of twelve can hope for the bar that five rejections leave."""
    holm: Holm[str] = Holm(12, 0.01)
    holm.update({"a": 1e6})
    assert holm.bar == pytest.approx(1100)
    assert holm.reachable_bar(other_live=4) == pytest.approx(700)
    assert holm.reachable_bar(other_live=11) == pytest.approx(100)


def test_impossible_arguments_are_named():
    """No hypotheses, an alpha of one, e-values below zero and unplanned names are errors."""
    with pytest.raises(ValueError, match="hypotheses is 0: expected"):
        Holm(0, 0.01)
    with pytest.raises(ValueError, match="alpha is 1: expected"):
        Holm(3, 1)
    for bad in (-1.0, math.nan):
        with pytest.raises(ValueError, match=f"e-value of 'a' is {bad!r}: expected"):
            Holm(3, 0.01).update({"a": bad})
    with pytest.raises(ValueError, match="2 names for 1 hypotheses"):
        Holm(1, 0.01).update({"a": 1.0, "b": 1.0})


def test_any_false_rejection_is_rare_while_bets_go_on():
    """Twelve fair bets on shared coins, looked at 60 times: wrong in at most 5 % of 2,000 runs."""
    rng = random.Random(5)
    wrong = 0
    for _ in range(2000):
        holm: Holm[int] = Holm(12, 0.05)
        capital = [1.0] * 12
        for _ in range(60):
            coin = rng.random() < 0.5
            for i in range(12):
                capital[i] *= 1 + (0.5 + i / 40) * (1 if coin else -1)
            holm.update(dict(enumerate(capital)))
        wrong += bool(holm.rejected)
    assert 0 < wrong / 2000 <= 0.05


@given(E_VALUES, st.integers(6, 20), st.sampled_from([0.05, 0.1, 0.5]))
def test_worth_a_look_is_the_largest_set_that_bears_itself_out(e_values, m, rate):
    """The names are those of the largest set whose members all pass its own bar."""
    assert set(worth_a_look(e_values, m, rate)) == slow_e_bh(m, rate, e_values)


def test_worth_a_look_is_worked_by_hand():
    """Of ten hypotheses at 10 %, two at 60 bear each other out where one alone would need 100."""
    assert worth_a_look({"a": 60.0, "b": 60.0, "c": 1.0}, 10) == ("a", "b")
    assert worth_a_look({"a": 60.0, "c": 1.0}, 10) == ()
