"""The sequential test of a share, against a twin that multiplies its bets out."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_perfmon.stats.proportion import ProportionTest

SHARES = st.sampled_from([0.5, 0.1, 0.05, 0.01, 0.8])


@st.composite
def flags_of_calls(draw: st.DrawFn) -> list[bool]:
    """Draw up to 300 calls, scattered or in bursts; lists of booleans would mostly be short."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    enter = draw(st.sampled_from([0.0, 0.01, 0.05, 0.3]))
    leave = draw(st.sampled_from([0.0, 0.2, 0.7, 0.95]))
    flags = [draw(st.booleans())]
    for _ in range(draw(st.integers(0, 300))):
        flags.append(rng.random() >= leave if flags[-1] else rng.random() < enter)
    return flags[1:]


FLAGS = flags_of_calls()


class SlowTest:
    """The same bets by the book: multiplied out, with D from slices, after each single call."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.flags: list[bool] = []
        self.overdispersion = 1.0
        self.next_measured = 16
        self.most_pass = self.most_fail = 1.0
        self.fail_now = 1.0

    def bet(self, alternatives: list[tuple[float, float]]) -> float:
        """Multiply out what betting on these (share, weight) has made of 1."""
        over = sum(self.flags) / self.overdispersion
        within = (len(self.flags) - sum(self.flags)) / self.overdispersion
        p0 = self.share
        return sum(
            weight * (p / p0) ** over * ((1 - p) / (1 - p0)) ** within for p, weight in alternatives
        )

    def observe_one(self, flag: bool) -> None:
        """Take one call and look."""
        self.flags.append(flag)
        n = len(self.flags)
        if n == self.next_measured:
            size = int(math.sqrt(n))
            counts = [sum(self.flags[i : i + size]) for i in range(0, n - size + 1, size)]
            p = sum(counts) / (len(counts) * size)
            independent = size * p * (1 - p)
            self.overdispersion = (
                max(1.0, statistics.variance(counts) / independent) if 0 < p < 1 else 1.0
            )
            self.next_measured = math.ceil(n * math.sqrt(2))
        p0 = self.share
        passing = [(0, 0.4), (p0 / 8, 0.2), (p0 / 3, 0.2), (0.6 * p0, 0.2)]
        higher = [p0 * f for f in (1.5, 2, 4, 10) if p0 * f < 1] or [(1 + p0) / 2]
        self.most_pass = max(self.most_pass, self.bet(passing))
        self.fail_now = self.bet([(p, 1 / len(higher)) for p in higher])
        if n >= 20:
            self.most_fail = max(self.most_fail, self.fail_now)

    @property
    def e_fail(self) -> float:
        """The largest from the 20th call on, the present one before."""
        return self.most_fail if len(self.flags) >= 20 else self.fail_now


@given(SHARES, FLAGS)
def test_every_call_agrees_with_the_slow_twin(share, flags):
    """After each call, counts, D, both e-values and the decision are the slow twin's."""
    fast, slow = ProportionTest(share), SlowTest(share)
    for flag in flags:
        fast.observe([flag])
        slow.observe_one(flag)
        assert (fast.calls, fast.over) == (len(slow.flags), sum(slow.flags))
        assert fast.overdispersion == pytest.approx(slow.overdispersion, rel=1e-9)
        assert fast.e_pass == pytest.approx(slow.most_pass, rel=1e-9)
        assert fast.e_fail == pytest.approx(slow.e_fail, rel=1e-9)
        assert fast.failed == (slow.e_fail >= 100)
        assert fast.passed == (slow.e_fail < 100 and slow.most_pass >= 20)
        assert fast.decided == (fast.failed or fast.passed)


@given(SHARES, FLAGS, st.lists(st.integers(1, 90), max_size=8))
@example(0.05, [True, False] * 5 + [False] * 40, [19, 3])
@example(0.05, [True] * 30, [21])
def test_portions_do_not_matter(share, flags, sizes):
    """Calls fed one by one, in portions or all at once give the same state."""
    at_once, portions, singly = (ProportionTest(share) for _ in range(3))
    at_once.observe(flags)
    rest = iter(flags)
    for size in sizes:
        portions.observe([flag for _, flag in zip(range(size), rest, strict=False)])
    portions.observe(rest)
    for flag in flags:
        singly.observe([flag])
    for other in (portions, singly):
        assert (other.calls, other.over) == (at_once.calls, at_once.over)
        assert (other.passed, other.failed) == (at_once.passed, at_once.failed)
        assert other.overdispersion == at_once.overdispersion
        assert other.e_pass == pytest.approx(at_once.e_pass, rel=1e-12)
        assert other.e_fail == pytest.approx(at_once.e_fail, rel=1e-12)


@pytest.mark.parametrize(("share", "fewest"), [(0.05, 68), (0.01, 347)])
def test_fewest_calls_that_prove_a_percentile(share, fewest):
    """With nothing over the limit 68 calls prove a p95 and 347 a p99, and no fewer."""
    test = ProportionTest(share)
    assert test.more_calls_to_decide() == fewest
    test.observe([False] * (fewest - 1))
    assert (test.decided, test.more_calls_to_decide()) == (False, 1)
    test.observe([False])
    assert (test.passed, test.failed, test.more_calls_to_decide()) == (True, False, 0)


def spread_out(over: int, calls: int) -> list[bool]:
    """Place calls over the limit so evenly that no batch is overdispersed."""
    return [(i + 1) * over // calls > i * over // calls for i in range(calls)]


@pytest.mark.parametrize(
    ("calls", "most_passing", "fewest_failing"), [(200, 2, 23), (500, 11, 44), (1000, 30, 76)]
)
def test_bounds_at_p95_are_those_stated(monkeypatch, calls, most_passing, fewest_failing):
    """The most calls over that still pass, and the fewest that fail, at 200, 500 and 1000 calls.

    Without overdispersion; calls over come first for a pass and last for a failure, so that the
    e-value is largest at the end.
    """
    monkeypatch.setattr(ProportionTest, "_measured_overdispersion", lambda _: 1.0)

    def e_values(over: int) -> tuple[float, float]:
        first, last = ProportionTest(0.05), ProportionTest(0.05)
        first.observe([True] * over + [False] * (calls - over))
        last.observe([False] * (calls - over) + [True] * over)
        return first.e_pass, last.e_fail

    assert e_values(most_passing)[0] >= 20 > e_values(most_passing + 1)[0]
    assert e_values(fewest_failing)[1] >= 100 > e_values(fewest_failing - 1)[1]


def test_few_calls_all_over_fail_at_once():
    """Five calls that all are over need no more: the e-value stands before the 20th call too."""
    test = ProportionTest(0.05)
    test.observe([True] * 5)
    assert test.failed
    assert test.e_fail > 10_000


def test_a_burst_at_the_start_is_forgiven():
    """Three calls over at the start fail by themselves, and no longer once others follow."""
    test = ProportionTest(0.05)
    test.observe([True] * 3)
    assert test.failed
    test.observe([False] * 60)
    assert not test.failed
    assert test.e_fail < 100


def test_a_suite_raises_the_bar():
    """With a bar of 1,200 what would fail alone at 100 does not, and more of it does."""
    flags = spread_out(76, 1000)
    alone, shared = ProportionTest(0.05), ProportionTest(0.05, fail_bar=1200)
    alone.observe(flags)
    shared.observe(flags)
    assert (alone.failed, shared.failed) == (True, False)
    assert alone.e_fail == shared.e_fail
    shared.observe(flags)
    assert shared.failed


def test_bursts_count_less_than_scattered_calls():
    """Sixty calls over that come in four bursts are less evidence than sixty scattered ones."""
    scattered, bursts = ProportionTest(0.05), ProportionTest(0.05)
    scattered.observe(spread_out(60, 600))
    bursts.observe(([False] * 135 + [True] * 15) * 4)
    assert scattered.overdispersion == 1
    assert bursts.overdispersion > 10
    assert scattered.e_fail > 100 > bursts.e_fail


def test_failing_after_passing_is_a_failure():
    """Calls that become slow after the proof of a pass end in FAILED."""
    test = ProportionTest(0.05)
    test.observe([False] * 100)
    assert test.passed
    test.observe(spread_out(150, 300))
    assert (test.failed, test.passed) == (True, False)


def test_nothing_overflows():
    """A hundred thousand calls over give a finite e-value, and as many within one likewise."""
    over, within = ProportionTest(0.01), ProportionTest(0.5)
    over.observe([True] * 100_000)
    within.observe([False] * 100_000)
    assert over.failed
    assert within.passed
    assert math.isfinite(over.e_fail)
    assert math.isfinite(within.e_pass)


@given(SHARES, st.integers(0, 30), st.integers(20, 300))
def test_estimate_of_more_calls_is_where_the_bar_is_reached(share, over, calls):
    """At the share seen, the estimate decides and one call fewer does not (D held at 1)."""
    test = ProportionTest(share)
    test.observe(spread_out(min(over, calls), calls))
    more = test.more_calls_to_decide()
    if test.decided:
        assert more == 0
        return
    seen = test.over / test.calls

    def reached(count: float) -> bool:
        p0, k = share, test.overdispersion
        x, y = (test.over + seen * count) / k, (calls - test.over + (1 - seen) * count) / k
        higher = [p0 * f for f in (1.5, 2, 4, 10) if p0 * f < 1] or [(1 + p0) / 2]
        passing = [(0, 0.4), (p0 / 8, 0.2), (p0 / 3, 0.2), (0.6 * p0, 0.2)]

        def capital(bets: list[tuple[float, float]]) -> float:
            logs = [
                math.log(w)
                + (x * math.log(p / p0) if p else (-math.inf if x else 0))
                + y * math.log((1 - p) / (1 - p0))
                for p, w in bets
            ]
            return max(logs) + math.log(sum(math.exp(one - max(logs)) for one in logs))

        fails = capital([(p, 1 / len(higher)) for p in higher]) >= math.log(100)
        return fails or capital(passing) >= math.log(20)

    if more is None:
        assert not reached(10**7)
    else:
        assert reached(more * (1 + 1e-9))
        assert not reached(more - 1)


def test_a_share_at_the_limit_would_never_decide():
    """Where exactly the allowed share is over, no number of further calls is promised."""
    test = ProportionTest(0.05)
    test.observe(spread_out(10, 200))
    assert test.more_calls_to_decide() is None


@given(SHARES, FLAGS)
def test_interval_holds_the_share_seen(share, flags):
    """The interval lies on the scale from 0 to 1, around the share seen, whatever is allowed."""
    test = ProportionTest(share)
    test.observe(flags)
    low, high = test.share_interval()
    assert 0 <= low <= (test.over / test.calls if flags else 0.5) <= high <= 1
    other = ProportionTest(0.3)
    other.observe(flags)
    assert other.share_interval() == (low, high)


def test_interval_is_where_the_mixture_reaches_twenty():
    """With 10 of 100 over, the Beta mixture against either end stands at 20."""
    test = ProportionTest(0.05)
    test.observe(spread_out(10, 100))
    for end in test.share_interval():
        steps = 20_000
        grid = [(i + 0.5) / steps for i in range(steps)]
        weights = [1 / (math.pi * math.sqrt(p * (1 - p))) for p in grid]
        mixed = sum(
            w * (p / end) ** 10 * ((1 - p) / (1 - end)) ** 90
            for p, w in zip(grid, weights, strict=True)
        )
        assert mixed / steps == pytest.approx(20, rel=1e-3)


def test_interval_without_calls_is_everything():
    """Before the first call any share is possible."""
    assert ProportionTest(0.05).share_interval() == (0.0, 1.0)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, math.nan])
def test_impossible_shares_are_named(share):
    """A share that allows nothing or everything is an error that shows it."""
    with pytest.raises(ValueError, match=f"share is {share!r}: expected"):
        ProportionTest(share)
