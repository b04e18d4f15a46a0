"""Is the share of calls over a limit at most what is allowed? Looked at after every call.

`p95 <= 50 ms` says that at most 5 % of calls take longer than 50 ms. A binomial test that is
looked at again and again is wrong far more often than it says; the bets below are not: a bettor
who starts with 1 and plays fairly reaches a bar of 1/alpha with a chance of at most alpha, whenever
he stops (Ville's inequality; Ramdas and others 2023, Statistical Science 38:4).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, variance
from typing import Final, NamedTuple

FAIL_BAR: Final = 100.0
PASS_BAR: Final = 20.0

_PASS_BETS: Final = ((0.0, 0.4), (1 / 8, 0.2), (1 / 3, 0.2), (0.6, 0.2))
_FAIL_FACTORS: Final = (1.5, 2.0, 4.0, 10.0)
_INTERVAL_BAR: Final = 20.0
_MOST_LOG: Final = 700.0  # exp of it is still a float
_LEAST_GROWTH: Final = 1e-12  # of ln E a call; slower would take more calls than anyone makes
_FIRST_MEASURED: Final = 16  # calls that make four batches of four
_BURST: Final = 20  # calls below which a single burst can be all there is


class _Bet(NamedTuple):
    """A bet on one share: its logarithms of weight, gain by a call over, and by one within."""

    weight: float
    over: float
    within: float


def _bet(weight: float, share: float, allowed: float) -> _Bet:
    return _Bet(
        math.log(weight),
        math.log(share / allowed) if share else -math.inf,
        math.log((1 - share) / (1 - allowed)),
    )


def _capital(bets: Iterable[_Bet], over: float, within: float) -> float:
    """Give ln sum_j w_j (p_j/p0)^over ((1-p_j)/(1-p0))^within."""
    logs = [bet.weight + (over * bet.over if over else 0.0) + within * bet.within for bet in bets]
    top = max(logs)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum([math.exp(one - top) for one in logs]))


class ProportionTest:
    """A sequential test of whether at most a share `share` of calls is over the limit.

    For independent calls `passed` is wrong with a chance of at most 1/pass_bar and `failed` of at
    most 1/fail_bar, wherever the true share lies on the other side and whenever one looks. With
    nothing over, 68 calls prove a share of 5 % and 347 one of 1 %.

    Slow calls come in bursts, and a burst is less evidence than its calls: counts are divided by
    the overdispersion D, the variance of the counts over in batches of sqrt(n) calls as a multiple
    of what independent calls would have, at least 1. It is measured anew whenever the calls have
    grown by a factor sqrt(2). A burst that no call has met yet cannot be seen: `passed` is about
    the run that was measured. What D leaves of the error rates is in the simulated tests.

    Feeding calls one by one or many at once gives the same result.

    Attributes:
        share: what is allowed, strictly between 0 and 1.
        fail_bar: the e-value that proves a larger share; above 100 where a suite shares its alpha.
        pass_bar: the e-value that proves a smaller one.
        calls: seen so far.
        over: those of them over the limit.
        overdispersion: D as last measured.
    """

    def __init__(
        self, share: float, *, fail_bar: float = FAIL_BAR, pass_bar: float = PASS_BAR
    ) -> None:
        if not 0 < share < 1:
            raise ValueError(f"share is {share!r}: expected a share between 0 and 1, both excluded")
        self.share = share
        self.fail_bar = fail_bar
        self.pass_bar = pass_bar
        self.calls = 0
        self.over = 0
        self.overdispersion = 1.0
        self._pass_bets = [_bet(weight, share * factor, share) for factor, weight in _PASS_BETS]
        higher = [share * f for f in _FAIL_FACTORS if share * f < 1] or [(1 + share) / 2]
        self._fail_bets = [_bet(1 / len(higher), one, share) for one in higher]
        self._most_pass = self._most_fail = 0.0
        self._next_measured = _FIRST_MEASURED
        self._over_at: list[int] = []

    def observe(self, over: Iterable[bool]) -> None:
        """Take the next calls, in the order in which they were made: is each over the limit?

        At equal D the capital of either bet only grows within a run of equal flags, so looking at
        the ends of runs sees every maximum that looking after each call would see.
        """
        last: bool | None = None
        for flag in over:
            if last is not None and flag != last:
                self._look_at_fail() if last else self._look_at_pass()
            last = flag
            measuring = self.calls + 1 == self._next_measured
            if measuring:
                self._look()
            if flag:
                self._over_at.append(self.calls)
                self.over += 1
            self.calls += 1
            if measuring:
                self.overdispersion = self._measured_overdispersion()
                self._next_measured = math.ceil(self.calls * math.sqrt(2))
            if measuring or self.calls == _BURST:
                self._look()
        self._look()

    @property
    def e_pass(self) -> float:
        """The largest e-value so far against `the share is at or above what is allowed`."""
        return math.exp(min(self._most_pass, _MOST_LOG))

    @property
    def e_fail(self) -> float:
        """The largest e-value against `the share is at most what is allowed`, as e-Holm takes it.

        Its maximum runs from the 20th call on; before that it is the present one, as a burst at
        the start could be all that was seen.
        """
        return math.exp(min(self._log_fail(), _MOST_LOG))

    @property
    def failed(self) -> bool:
        """Whether the share is proved to be above what is allowed."""
        return self._log_fail() >= math.log(self.fail_bar)

    @property
    def passed(self) -> bool:
        """Whether the share is proved to be below what is allowed; a later `failed` outweighs."""
        return not self.failed and self._most_pass >= math.log(self.pass_bar)

    @property
    def decided(self) -> bool:
        """Whether the calls so far prove either."""
        return self.failed or self.passed

    def more_calls_to_decide(self) -> int | None:
        """Estimate how many more calls decide, if the share over stays the one seen so far.

        Returns:
            0 where it is decided; None where the share seen is so near the allowed one that no
            number of calls would do. Before the first call: the fewest that can pass.
        """
        if self.decided:
            return 0
        seen = self.over / self.calls if self.calls else 0.0
        passing = self._more_calls(self._pass_bets, math.log(self.pass_bar), seen)
        failing = self._more_calls(self._fail_bets, math.log(self.fail_bar), seen)
        return min((more for more in (passing, failing) if more is not None), default=None)

    def share_interval(self) -> tuple[float, float]:
        """Give a 95 % interval of the share over that holds at every moment it is looked at.

        All shares p against which a Beta(1/2, 1/2) mixture of bets has not reached 20 (Robbins
        1970, Annals of Mathematical Statistics 41:5), with counts divided by D.
        """
        over, within = self._effective(self.over, self.calls)
        mixture = _log_beta(over + 0.5, within + 0.5) - _log_beta(0.5, 0.5)
        seen = over / (over + within) if self.calls else 0.5

        def refuted(share: float) -> bool:
            return mixture - _log_likelihood(share, over, within) >= math.log(_INTERVAL_BAR)

        return _edge(refuted, seen, 0.0), _edge(refuted, seen, 1.0)

    def _log_fail(self) -> float:
        if self.calls >= _BURST:
            return self._most_fail
        return _capital(self._fail_bets, *self._effective(self.over, self.calls))

    def _look(self) -> None:
        self._look_at_pass()
        self._look_at_fail()

    def _look_at_pass(self) -> None:
        now = _capital(self._pass_bets, *self._effective(self.over, self.calls))
        self._most_pass = max(self._most_pass, now)

    def _look_at_fail(self) -> None:
        if self.calls >= _BURST:
            now = _capital(self._fail_bets, *self._effective(self.over, self.calls))
            self._most_fail = max(self._most_fail, now)

    def _effective(self, over: float, calls: float) -> tuple[float, float]:
        return over / self.overdispersion, (calls - over) / self.overdispersion

    def _measured_overdispersion(self) -> float:
        size = math.isqrt(self.calls)
        counts = [0] * (self.calls // size)
        for index in self._over_at:
            if index < size * len(counts):
                counts[index // size] += 1
        mean = fmean(counts)
        independent = mean * (1 - mean / size)
        return max(1.0, variance(counts, mean) / independent) if independent > 0 else 1.0

    def _more_calls(self, bets: Sequence[_Bet], bar: float, seen: float) -> int | None:
        now = self._effective(self.over, self.calls)
        per_call = self._effective(seen, 1)

        def capital(more: int) -> float:
            return _capital(bets, now[0] + more * per_call[0], now[1] + more * per_call[1])

        alone = [
            (bar - _capital([bet], *now)) / growth
            for bet in bets
            if (growth := _capital([bet._replace(weight=0.0)], *per_call)) > _LEAST_GROWTH
        ]
        if not alone:
            return None
        # The mixture is convex in the number of calls and below the bar now: it crosses once, at
        # the latest where the first bet does alone.
        counts = range(max(1, math.ceil(min(alone))) + 1)
        return bisect_left(counts, bar, key=capital)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_likelihood(share: float, over: float, within: float) -> float:
    if (over and share <= 0) or (within and share >= 1):
        return -math.inf
    return (over * math.log(share) if over else 0.0) + (
        within * math.log1p(-share) if within else 0.0
    )


def _edge(refuted: Callable[[float], bool], inside: float, end: float) -> float:
    """Bisect for where shares become refuted, between one that is not and an end of the scale."""
    if not refuted(end):
        return end
    for _ in range(60):
        middle = (inside + end) / 2
        inside, end = (inside, middle) if refuted(middle) else (middle, end)
    return end
